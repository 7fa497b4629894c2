import type { ServerTexts } from './en.ts'

const es: ServerTexts = {
  permission_denied: 'Permiso denegado',
  request_denied: 'La solicitud ha sido denegada.',
  request_id: 'Número de la petición',
  explanation_id: 'Referencia',
  to_applications: 'A mis aplicaciones',
  not_found: 'No encontrado',
  not_found_why: 'No hay ninguna página en esta dirección.',
  stale_form: 'Inténtelo de nuevo',
  stale_form_why: 'Este formulario es de una sesión anterior, o su navegador no guarda las cookies de esta página.',
  reload: 'Abrir la página de nuevo',
  server_error: 'Algo salió mal',
  server_error_why: 'El servidor no pudo responder a esta petición. Si vuelve a ocurrir, dé el número de abajo a quienes lo administran.',
  starting: 'Iniciando',
  starting_why: 'El servidor se está iniciando. Esta página se abrirá sola en un momento.',
  sending: 'Redirigiendo…',
  continue: 'Continuar',
  my_applications: 'Mis aplicaciones',
  sign_out: 'Cerrar sesión',
  search: 'Buscar',
  no_match: 'Ninguna aplicación coincide.',
  no_applications: 'Todavía no hay aplicaciones para usted. Quienes administran este servidor pueden darle acceso.',
  admin_by_api: 'Hoy la administración se hace por la API:',
  language: 'Idioma',
}
export default es
