/** Attacks through what the server gives to expressions: title, text, how it must end. */
const DOUBLING = 'l = [1]\nfor i in range(60): l = [l, l]\n'

export const hostAttacks: [title: string, text: string, ended: string][] = [
  ['an answer that doubles itself', `${DOUBLING}return l`, 'limit exceeded: more than 2097152 bytes to be kept'],
  [
    'an event that doubles itself',
    `${DOUBLING}ak_create_event("x", l=l)\nreturn True`,
    'limit exceeded: more than 2097152 bytes to be kept',
  ],
  [
    'an attribute that doubles itself',
    `${DOUBLING}request.user.attributes["l"] = l\nrequest.user.save()\nreturn True`,
    'limit exceeded: more than 2097152 bytes to be kept',
  ],
  [
    'an attribute that holds itself',
    'l = []\nl.append(l)\nrequest.user.attributes["l"] = l\nrequest.user.save()\nreturn True',
    'maximum recursion depth exceeded while converting to JSON',
  ],
  [
    'a context that doubles itself',
    `${DOUBLING}context["prompt_data"]["l"] = l\nreturn True`,
    'limit exceeded: more than 2097152 bytes to be kept',
  ],
  ['a context that doubles itself before it fails', `${DOUBLING}context["prompt_data"]["l"] = l\nraise ValueError("no")`, 'no'],
  [
    'a mail whose context doubles itself',
    `${DOUBLING}return ak_send_email("a@b.test", "s", template="email/x.html", context={"l": l})`,
    'ak_send_email: there is no template email/x.html',
  ],
  [
    'a question that doubles itself',
    `${DOUBLING}from authentik.core.models import User\nreturn User.objects.filter(attributes__x=l).exists()`,
    'limit exceeded: more than 2097152 bytes to be kept',
  ],
  [
    'a question of many names',
    'from authentik.core.models import User\nreturn User.objects.filter(username__in=[str(i) for i in range(100000)]).exists()',
    'limit exceeded: more than 200000 steps',
  ],
  ['claims that double themselves', `${DOUBLING}return ak_create_jwt_raw("nobody", l=l)`, 'false'],
  [
    'log lines that double themselves',
    `${DOUBLING}while True: ak_logger.info("x", l=l)`,
    'limit exceeded: more than 1048576 bytes to be kept',
  ],
  [
    'log lines of many parts',
    'l = [[] for i in range(10000)]\nwhile True: ak_logger.info("x", l=l)',
    'limit exceeded: more than 1048576 bytes of messages and log lines',
  ],
  [
    'messages without end',
    'while True: ak_message(context["prompt_data"]["large"][:100000])',
    'limit exceeded: more than 1048576 bytes of messages and log lines',
  ],
  ['a slug of a long text', 'return slugify(context["prompt_data"]["large"])', 'limit exceeded: more than 200000 steps'],
  [
    'a pattern over a long text',
    'return regex_match(context["prompt_data"]["large"], "(a|b|é)*x")',
    'limit exceeded: the regular expression took too many steps',
  ],
  [
    'replacing in a long text',
    'return regex_replace(context["prompt_data"]["large"], "é", "ee")',
    'limit exceeded: one operation of more than 64000 steps',
  ],
  ['escaping a long text', 'from django.utils.html import escape\nreturn escape("&" * 1000000)', 'limit exceeded: more than 200000 steps'],
  [
    'a slug of a long text by Django',
    'from django.utils.text import slugify\nreturn slugify("Ä" * 1000000)',
    'limit exceeded: more than 200000 steps',
  ],
  [
    'a query of many fields',
    'from django.http import QueryDict\nreturn QueryDict("a=b&" * 250000)',
    'limit exceeded: more than 200000 steps',
  ],
  [
    'an address of a long text',
    'from django.core.validators import URLValidator\nURLValidator()("http://" + "a." * 500000)\nreturn True',
    'Enter a valid URL.',
  ],
  ['an address that is none', 'return ip_address("1" * 1000000)', 'not an IPv4 or IPv6 address'],
  ['a name of a long text', 'return resolve_dns("a." * 500000)', 'false'],
  ['a request with a long address', 'return requests.get("http://127.0.0.1/" + "a" * 1000000).ok', 'an address of 1000017 characters'],
  [
    'a request with a body that doubles itself',
    `${DOUBLING}return requests.post("http://127.0.0.1/", json=l).ok`,
    'limit exceeded: more than 2097152 bytes to be kept',
  ],
  [
    'a request with many headers',
    'return requests.get("http://127.0.0.1/", headers={str(i): "x" for i in range(50000)}).ok',
    'limit exceeded: more than 200000 steps',
  ],
  ['a user by many names', 'return ak_user_by(username__in=[str(i) for i in range(100000)])', 'limit exceeded: more than 200000 steps'],
  [
    'a policy asked with what doubles itself',
    `${DOUBLING}return ak_call_policy("no such policy", l=l)`,
    "Policy 'no such policy' not found.",
  ],
  [
    'a group of many users',
    'from authentik.core.models import Group, User\nreturn [u.username for u in list(User.objects.all()) * 100]',
    'true',
  ],
  [
    'passwords again and again',
    'for i in range(300): request.user.check_password("x" * 100000)\nreturn True',
    'limit exceeded: more than 200000 steps',
  ],
]
