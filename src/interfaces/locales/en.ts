/** English, the table that the others follow. */
const en = {
  permission_denied: 'Permission denied',
  request_denied: 'Request has been denied.',
  request_id: 'Request ID',
  explanation_id: 'Reference',
  to_applications: 'To my applications',
  not_found: 'Not found',
  not_found_why: 'There is no page at this address.',
  stale_form: 'Please try again',
  stale_form_why: 'This form was opened in an earlier session, or your browser does not keep cookies for this page.',
  reload: 'Open the page again',
  sign_in_failed: 'Signing in did not work',
  sign_in_again: 'Back to signing in',
  server_error: 'Something went wrong',
  server_error_why: 'The server could not answer this request. If it happens again, give the number below to the people who run it.',
  starting: 'Starting',
  starting_why: 'The server is starting. This page opens by itself in a moment.',
  sending: 'Taking you onwards…',
  continue: 'Continue',
  my_applications: 'My applications',
  sign_out: 'Sign out',
  search: 'Search',
  no_match: 'No application matches.',
  no_applications: 'There are no applications for you yet. The people who run this server can give you access.',
  admin_by_api: 'Administration works through the API today:',
  language: 'Language',
}

export type ServerTexts = Record<keyof typeof en, string>
export default en
