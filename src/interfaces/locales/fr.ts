import type { ServerTexts } from './en.ts'

const fr: ServerTexts = {
  permission_denied: 'Accès refusé',
  request_denied: 'La demande a été refusée.',
  request_id: 'Numéro de la requête',
  explanation_id: 'Référence',
  to_applications: 'Vers mes applications',
  not_found: 'Page introuvable',
  not_found_why: 'Il n’y a pas de page à cette adresse.',
  stale_form: 'Veuillez réessayer',
  stale_form_why: 'Ce formulaire vient d’une session précédente, ou votre navigateur ne conserve pas les cookies de cette page.',
  reload: 'Rouvrir la page',
  server_error: 'Une erreur est survenue',
  server_error_why: 'Le serveur n’a pas pu répondre. Si cela se reproduit, donnez le numéro ci-dessous aux personnes qui l’administrent.',
  starting: 'Démarrage',
  starting_why: 'Le serveur démarre. Cette page s’ouvrira toute seule dans un instant.',
  sending: 'Redirection en cours…',
  continue: 'Continuer',
  my_applications: 'Mes applications',
  sign_out: 'Se déconnecter',
  search: 'Rechercher',
  no_match: 'Aucune application ne correspond.',
  no_applications: 'Il n’y a pas encore d’application pour vous. Les personnes qui administrent ce serveur peuvent vous donner accès.',
  admin_by_api: 'L’administration passe aujourd’hui par l’API :',
  language: 'Langue',
}
export default fr
