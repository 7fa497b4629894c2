import type { ServerTexts } from './en.ts'

const de: ServerTexts = {
  permission_denied: 'Zugriff verweigert',
  request_denied: 'Die Anfrage wurde abgelehnt.',
  request_id: 'Anfragenummer',
  explanation_id: 'Kennung',
  to_applications: 'Zu meinen Anwendungen',
  not_found: 'Nicht gefunden',
  not_found_why: 'Unter dieser Adresse gibt es keine Seite.',
  stale_form: 'Bitte versuchen Sie es noch einmal',
  stale_form_why: 'Dieses Formular stammt aus einer früheren Sitzung, oder Ihr Browser behält für diese Seite keine Cookies.',
  reload: 'Seite neu öffnen',
  server_error: 'Etwas ist schiefgegangen',
  server_error_why: 'Der Server konnte diese Anfrage nicht beantworten. Geschieht es wieder, nennen Sie den Betreibern die Nummer unten.',
  starting: 'Der Server startet',
  starting_why: 'Der Server startet. Diese Seite öffnet sich gleich von selbst.',
  sending: 'Sie werden weitergeleitet…',
  continue: 'Weiter',
  my_applications: 'Meine Anwendungen',
  sign_out: 'Abmelden',
  search: 'Suchen',
  no_match: 'Keine Anwendung passt.',
  no_applications: 'Für Sie gibt es noch keine Anwendungen. Die Betreiber dieses Servers können Ihnen Zugang geben.',
  admin_by_api: 'Die Verwaltung geschieht heute über die API:',
  language: 'Sprache',
}
export default de
