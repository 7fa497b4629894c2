/**
 * The mails that come with the program, under the names that stages and operators know. Texts in the program's own file, since the
 * program is bundled into one. Colours and fonts stand inline: mail programs drop style sheets.
 */

type BuiltIn = { description?: string; html: string }

const BASE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width" />
    <title>{{ subject }}</title>
  </head>
  <body style="margin:0;padding:32px 16px;background:#f4f1ec;color:#1f1d1a;font-family:system-ui,-apple-system,'Segoe UI',sans-serif;font-size:16px;line-height:1.5">
    <div style="max-width:520px;margin:0 auto;padding:32px;background:#ffffff;border-radius:12px">
      <p style="margin:0 0 24px;font-weight:600">{{ brand }}</p>
      {% block content %}{% endblock %}
    </div>
    <div style="max-width:520px;margin:16px auto 0;padding:0 32px;color:#6b665e;font-size:13px">{% block sub_content %}{% endblock %}</div>
  </body>
</html>
`

const page = (content: string, below = ''): string =>
  `{% layout "email/base.html" %}{% block content %}${content}{% endblock %}{% block sub_content %}${below}{% endblock %}`

const button = (label: string): string =>
  `<p style="margin:24px 0"><a href="{{ url }}" style="display:inline-block;padding:12px 20px;background:#1f1d1a;color:#ffffff;border-radius:8px;text-decoration:none">${label}</a></p>`

const greeting = '<p>Hello {{ user.name | default: user.username }},</p>'

/** By name; those without a description are not offered for stages. */
export const BUILT_IN: ReadonlyMap<string, BuiltIn> = new Map([
  ['email/base.html', { html: BASE }],
  [
    'email/password_reset.html',
    {
      description: 'Password Reset',
      html: page(
        `${greeting}<p>somebody, most likely you, asked for a new password for your account. Open this link to choose one:</p>${button('Choose a new password')}` +
          '<p>If you did not ask for it, do nothing: your password stays as it is. The link can be used once and ends {{ expires | naturaltime }}.</p>',
        'If the button does not work, open this address: {{ url }}',
      ),
    },
  ],
  [
    'email/account_confirmation.html',
    {
      description: 'Account Confirmation',
      html: page(
        `<p>Welcome,</p><p>please confirm that this address is yours, and your account is ready.</p>${button('Confirm this address')}<p>The link can be used once and ends {{ expires | naturaltime }}.</p>`,
        'If the button does not work, open this address: {{ url }}',
      ),
    },
  ],
  [
    'email/email_otp.html',
    {
      description: 'Email OTP',
      html: page(
        `${greeting}<p>this is your code:</p><p style="font-size:28px;letter-spacing:4px;font-weight:600">{{ token }}</p><p>It ends {{ expires | naturaltime }}. Nobody who works for us will ever ask you for it.</p>`,
      ),
    },
  ],
  ['email/event_notification.html', { description: 'Event Notification', html: page('<p>{{ title }}</p><p>{{ body }}</p>') }],
  [
    'email/invitation.html',
    {
      description: 'Invitation',
      html: page(
        `<p>Hello,</p><p>you have been invited to {{ host }}. Open this link to make your account:</p>${button('Accept the invitation')}` +
          '{% if expires %}<p>The invitation ends {{ expires | naturaltime }}.</p>{% endif %}',
        'If the button does not work, open this address: {{ url }}',
      ),
    },
  ],
  ['email/setup.html', { html: page('<p>This is a test email to tell you that sending mail from this server works.</p>') }],
])
