import type { ServerTexts } from './en.ts'

const nl: ServerTexts = {
  permission_denied: 'Toegang geweigerd',
  request_denied: 'Het verzoek is geweigerd.',
  request_id: 'Verzoeknummer',
  explanation_id: 'Kenmerk',
  to_applications: 'Naar mijn toepassingen',
  not_found: 'Niet gevonden',
  not_found_why: 'Op dit adres is geen pagina.',
  stale_form: 'Probeer het opnieuw',
  stale_form_why: 'Dit formulier is van een eerdere sessie, of uw browser bewaart geen cookies voor deze pagina.',
  reload: 'De pagina opnieuw openen',
  server_error: 'Er ging iets mis',
  server_error_why: 'De server kon dit verzoek niet beantwoorden. Gebeurt het opnieuw, geef het nummer hieronder dan aan de beheerders.',
  starting: 'Bezig met starten',
  starting_why: 'De server start. Deze pagina opent zo vanzelf.',
  sending: 'U wordt doorgestuurd…',
  continue: 'Doorgaan',
  my_applications: 'Mijn toepassingen',
  sign_out: 'Uitloggen',
  search: 'Zoeken',
  no_match: 'Geen toepassing komt overeen.',
  no_applications: 'Er zijn nog geen toepassingen voor u. De beheerders van deze server kunnen u toegang geven.',
  admin_by_api: 'Beheer gaat vandaag via de API:',
  language: 'Taal',
}
export default nl
