"""Records what CPython answers to expressions over re, datetime, zoneinfo, ipaddress and urllib.parse.

Run with Python 3.11:  python3 scripts/golden-modules.py > src/expression/modules/testdata/golden.json

Each item is one case: [expression, answer]: the repr of the result, or the class and text of the exception.
"""
import json
import warnings

import datetime as dt_module  # noqa: F401
import ipaddress  # noqa: F401
import re  # noqa: F401
import urllib.parse  # noqa: F401
from datetime import date, datetime, time, timedelta, timezone  # noqa: F401
from ipaddress import *  # noqa: F401,F403
from urllib.parse import *  # noqa: F401,F403
from zoneinfo import ZoneInfo  # noqa: F401

warnings.simplefilter("ignore")
CASES = []


def add(text):
    CASES.extend(line.strip() for line in text.strip().splitlines() if line.strip())


def each(template, values):
    CASES.extend(template.replace("$", repr(value)) for value in values)


# --- re
add(r"""
re.search(r'(\w+)@(\w+)', 'to ada@example now').groups()
re.search(r'(?P<u>\w+)@(?P<d>\w+)', 'ada@example').groupdict()
re.search(r'(?P<u>\w+)@(?P<d>\w+)?', 'ada@').groupdict('none')
re.match(r'a', 'ba')
re.match(r'(a)(b)?', 'ac').groups()
re.match(r'(a)(b)?', 'ac').groups('x')
re.match(r'(a)(b)?', 'ac').group(0, 1, 2)
re.match(r'(a)(b)?', 'ac').group(3)
re.match(r'(a)(b)?', 'ac').group('x')
re.match(r'(?P<n>a)', 'a')['n']
re.match(r'(?P<n>a)', 'a')[1]
re.match(r'(?P<n>a)', 'a')[2]
re.match(r'(?P<n>a)', 'a').span('n')
re.match(r'(a)|(b)', 'b').span(1)
re.match(r'(a)|(b)', 'b').start(2), re.match(r'(a)|(b)', 'b').end()
re.match(r'(a)(?P<l>b)', 'ab').lastindex, re.match(r'(a)(?P<l>b)', 'ab').lastgroup
re.match(r'a', 'a').lastindex, re.match(r'a', 'a').lastgroup
re.match(r'(a)(b)', 'ab').expand(r'\2-\1-\g<1>-\g<0>')
re.match(r'a+', 'aaa')
re.match(r'.+', 'x' * 80)
re.match(r'😀(.)', '😀x').span(1)
re.match('a', 'a').string, re.match('a', 'a').re, re.match('a', 'ab').pos, re.match('a', 'ab').endpos
re.match('(a)b', 'ab').regs
bool(re.match('', ''))
re.fullmatch(r'\d+', '123').group()
re.fullmatch(r'\d+', '123a')
re.findall(r'\d+', 'a1b22c333')
re.findall(r'(\w)(\d)', 'a1b2')
re.findall(r'(\w)\d', 'a1b2')
re.findall(r'(a)?b', 'ab b')
re.findall(r'(a)?(b)', 'ab b')
re.findall('', 'ab')
[m.span() for m in re.finditer(r'a*', 'baac')]
[m.group().upper() for m in re.finditer(r'[a-c]+', 'abxbcx')]
re.split(r'[,;]\s*', 'a, b;c')
re.split(r'(,)', 'a,b,c', maxsplit=1)
re.split(r'x*', 'axbc')
re.split(r'(a)|b', 'xbya')
re.split(',', 'abc')
re.split(',', 'a,b', maxsplit=-1)
re.sub(r'(\w+) (\w+)', r'\2 \1', 'hello world')
re.sub(r'(?P<a>\w)(\w)', r'\g<a>.\g<2>', 'abcd')
re.sub(r'a', 'b', 'aaa', count=2)
re.sub(r'a', 'b', 'xyz')
re.sub(r'x*', '-', 'abxd')
re.sub(r'[A-Z]', lambda m: '_' + m.group().lower(), 'fooBarBaz')
re.sub(r'(a)(b)?', r'[\1\2]', 'abac')
re.sub('a', r'\n\\\t', 'a')
re.sub('a', r'\q', 'a')
re.sub('a', r'\1', 'a')
re.sub('(a)', r'\g<b>', 'a')
re.sub('(a)', r'\g<1', 'a')
re.sub('(a)', r'\g<>', 'a')
re.sub('(a)', r'\g<2>', 'a')
re.sub('(a)', r'\100', 'a')
re.sub('a', 'b', 1)
re.sub(r'\s+', ' ', '  a   b ').strip()
re.sub('é', 'e', 'café', flags=re.I)
re.subn(r'a', 'b', 'banana')
re.subn(r'(?i)A', lambda m: m.group() * 2, 'banana', 2)
re.escape('a.b*c [x] é')
re.compile(r'a(b)(?P<n>c)').groups, dict(re.compile(r'a(b)(?P<n>c)').groupindex)
re.compile('a', re.I | re.M).flags
re.compile('(?i)a').flags
re.compile('a', re.A).flags
re.compile('a', re.I)
re.compile('a\n\'"')
re.compile('a') == re.compile('a'), re.compile('a') == re.compile('b')
re.compile(re.compile('a')).pattern
re.compile(re.compile('a'), re.I)
re.compile('a').match('ba', 1)
re.compile('^a').match('ba', 1)
re.compile('a').search('bab', 2)
re.compile('a$').search('ab', 0, 1)
re.compile('b').findall('abbb', 2)
[m.start() for m in re.compile('b').finditer('abbb', 1, 3)]
re.compile('a').sub('b', 'aaa', 1)
re.compile('a').split('xaxax', 1)
re.compile('(a').pattern
re.compile('a**')
re.compile('[z-a]')
re.compile('(?P<1a>x)')
re.compile('(?<=a+)b')
re.compile('\\')
re.compile(1)
re.compile(None)
re.search('a', None)
re.search('a', 1)
re.search('a', b'a')
re.search(b'a', 'a')
re.search(rb'(\w)(.)', b'-a\xff').groups()
re.sub(b'a', b'b', b'aa')
re.findall(rb'\d', b'1a2')
re.search('A', 'a', re.IGNORECASE).group()
re.search('a.b', 'a\nb', re.DOTALL).span()
re.findall('^.', 'a\nb', re.MULTILINE)
re.search('a b # x', 'ab', re.VERBOSE).group()
isinstance(re.compile('a'), re.Pattern), isinstance(re.match('a', 'a'), re.Match)
{re.compile('a'): 1}[re.compile('a')]
""")

# --- timedelta
add("""
timedelta()
timedelta(1)
timedelta(days=1, seconds=2, microseconds=3)
timedelta(weeks=1, hours=25, minutes=61, milliseconds=1001)
timedelta(-1, 1)
timedelta(seconds=-1)
timedelta(hours=1.5)
timedelta(days=0.1, seconds=0.3)
timedelta(microseconds=0.5), timedelta(microseconds=1.5), timedelta(microseconds=-0.5)
timedelta(days=1e9)
timedelta(days=999999999) + timedelta(1)
timedelta('1')
str(timedelta(1)), str(timedelta(2, 3661, 5)), str(timedelta(-1, 5)), str(timedelta(hours=30))
timedelta(1).total_seconds(), timedelta(microseconds=-1).total_seconds()
timedelta(-1, 5).days, timedelta(-1, 5).seconds, timedelta(microseconds=-1).microseconds
timedelta(1) + timedelta(hours=1), timedelta(1) - timedelta(hours=1)
timedelta(1) * 2, 3 * timedelta(1), timedelta(1) * 0.5, 0.1 * timedelta(1)
timedelta(1) / 3, timedelta(1) / 2.5, timedelta(1) / timedelta(hours=1)
timedelta(1) // 7, timedelta(1) // timedelta(hours=5), timedelta(1) % timedelta(hours=5)
timedelta(1) / 0
timedelta(1) // timedelta(0)
-timedelta(1), +timedelta(1), abs(timedelta(-1))
timedelta(1) == timedelta(hours=24), timedelta(1) != timedelta(2), timedelta(1) < timedelta(2), timedelta(1) >= timedelta(2)
timedelta(1) == 1
bool(timedelta()), bool(timedelta(1))
{timedelta(1): 'a'}[timedelta(hours=24)]
timedelta.min, timedelta.max, timedelta.resolution
sum([timedelta(1), timedelta(2)], timedelta())
sorted([timedelta(2), timedelta(1)])
max(timedelta(2), timedelta(1))
f'{timedelta(1, 2)}'
""")

# --- date
add("""
date(2024, 2, 29)
str(date(2024, 2, 29)), date(2024, 2, 29).isoformat()
date(2023, 2, 29)
date(2024, 13, 1)
date(0, 1, 1)
date(10000, 1, 1)
date('2024', 1, 1)
date(2024, 2, 28) + timedelta(2), date(2024, 3, 1) - timedelta(1), date(2024, 3, 1) - date(2024, 1, 1)
date(9999, 12, 31) + timedelta(1)
date(2024, 1, 1) < date(2024, 1, 2), date(2024, 1, 1) == date(2024, 1, 1), date(2024, 1, 1) == datetime(2024, 1, 1)
date(2024, 1, 1) < datetime(2024, 1, 1)
date(2024, 1, 1).weekday(), date(2024, 1, 1).isoweekday(), date(2024, 12, 30).isocalendar()
date(2021, 1, 3).isocalendar().week, date(2021, 1, 3).isocalendar()[0]
date(2024, 1, 31).replace(month=3), date(2024, 1, 31).replace(2023, 5, 6)
date(2024, 1, 31).replace(month=2)
date(2024, 1, 1).toordinal(), date.fromordinal(738886), date.fromordinal(1), date.fromordinal(3652059)
date.fromordinal(0)
date.fromisocalendar(2020, 53, 7), date.fromisocalendar(2024, 1, 1)
date.fromisocalendar(2021, 53, 1)
date.fromtimestamp(0), date.fromtimestamp(1700000000.9), date.fromtimestamp(-1)
date(2024, 1, 1).ctime()
date.min, date.max, date.resolution
date(2024, 5, 6).strftime('%d.%m.%Y %A %B %j')
f'{date(2024, 5, 6):%d/%m/%y}', f'{date(2024, 5, 6)}'
{date(2024, 1, 1): 1}.get(date(2024, 1, 1))
(date(2024, 1, 1).year, date(2024, 1, 1).month, date(2024, 1, 1).day)
isinstance(datetime(2024, 1, 1), date), isinstance(date(2024, 1, 1), datetime)
""")
each("date.fromisoformat($)", ["2024-02-29", "20240229", "2024-W09-4", "2024W094", "2024-W09", "2024W09", "2024-2-29", "2024-02-30", "2024-02-29T", "", "x", "2024-0229", "202402-29", "2024-W60", "0000-01-01"])

# --- time
add("""
time(), time(1), time(1, 2), time(1, 2, 3), time(1, 2, 3, 4), time(1, tzinfo=timezone.utc), time(1, fold=1)
time(24)
time(1, 60)
time(1, tzinfo=1)
str(time(1, 2, 3, 4)), time(1, 2, 3).isoformat(timespec='minutes'), time(1, 2, 3, 4567).isoformat('milliseconds')
time(1, 2).isoformat('x')
time(1) < time(2), time(1) == time(1), time(1) == time(1, tzinfo=timezone.utc)
time(1) < time(1, tzinfo=timezone.utc)
time(2, tzinfo=timezone(timedelta(hours=1))) == time(1, tzinfo=timezone.utc)
time(1, 2, 3).replace(hour=5), time(1, tzinfo=timezone.utc).replace(tzinfo=None)
time(1, tzinfo=timezone.utc).utcoffset(), time(1).utcoffset(), time(1, tzinfo=timezone.utc).tzname(), str(time(1, tzinfo=timezone.utc))
time(13, 5).strftime('%H:%M %I%p'), f'{time(13, 5):%H}'
time.min, time.max
(time(1, 2, 3, 4).hour, time(1, 2, 3, 4).minute, time(1, 2, 3, 4).second, time(1, 2, 3, 4).microsecond, time().tzinfo)
""")
each("time.fromisoformat($)", ["04:23:01", "T04:23:01", "04", "04:23", "0423", "042301", "04:23:01.000384", "04:23:01,5", "042301.12345678", "04:23:01+04:00", "04:23Z", "04:23:01-0330", "24:00", "4:23", "04:2301", "04:23:01.", ""])

# --- timezone
add("""
timezone.utc, timezone(timedelta(0)), timezone(timedelta(hours=1)), timezone(timedelta(hours=-3, minutes=-30), 'NST')
str(timezone.utc), str(timezone(timedelta(hours=5, minutes=30))), str(timezone(timedelta(seconds=-1)))
timezone(timedelta(hours=24))
timezone(1)
timezone.utc == timezone(timedelta(0)), timezone.utc.utcoffset(None), timezone.utc.tzname(None), timezone.utc.dst(None)
timezone(timedelta(hours=1)) == timezone(timedelta(hours=1), 'x')
timezone.min, timezone.max
""")

# --- datetime
add("""
datetime(2024, 1, 2), datetime(2024, 1, 2, 3, 4, 5), datetime(2024, 1, 2, 3, 4, 5, 6), datetime(2024, 1, 2, tzinfo=timezone.utc), datetime(2024, 1, 2, fold=1)
str(datetime(2024, 1, 2)), str(datetime(2024, 1, 2, 3, 4, 5, 6, timezone.utc)), datetime(2024, 1, 2, 3).isoformat(' ', 'minutes')
datetime(2024, 1, 2, 25)
datetime(2024, 1, 2, 3, 4, 5, 1000000)
datetime(2024, 2, 30)
datetime(2024, 1, 2, tzinfo='UTC')
datetime(2024, 1, 2).isoformat('ab')
datetime(2024, 1, 31, 23, 59) + timedelta(minutes=2), datetime(2024, 1, 1) - timedelta(seconds=1), datetime(2024, 1, 2) - datetime(2024, 1, 1, 12)
timedelta(1) + datetime(2024, 1, 1)
datetime.max + timedelta(1)
datetime(2024, 1, 1, tzinfo=timezone.utc) - datetime(2024, 1, 1, tzinfo=timezone(timedelta(hours=2)))
datetime(2024, 1, 1, tzinfo=timezone.utc) - datetime(2024, 1, 1)
datetime(2024, 1, 1, tzinfo=timezone.utc) < datetime(2024, 1, 1)
datetime(2024, 1, 1, tzinfo=timezone.utc) == datetime(2024, 1, 1)
datetime(2024, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))) == datetime(2024, 1, 1, tzinfo=timezone.utc)
datetime(2024, 1, 1) < datetime(2024, 1, 2), datetime(2024, 1, 1) >= datetime(2024, 1, 2), datetime(2024, 1, 1) == 5
datetime(2024, 1, 1) < date(2024, 1, 2)
hash(datetime(2024, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))) == hash(datetime(2024, 1, 1, tzinfo=timezone.utc))
{datetime(2024, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))): 1}[datetime(2024, 1, 1, tzinfo=timezone.utc)]
datetime(2024, 1, 2, 3).date(), datetime(2024, 1, 2, 3).time(), datetime(2024, 1, 2, 3, tzinfo=timezone.utc).timetz()
datetime(2024, 1, 2, 3).replace(hour=5, tzinfo=timezone.utc), datetime(2024, 1, 2, tzinfo=timezone.utc).replace(tzinfo=None)
datetime(2024, 1, 2, 3, tzinfo=timezone.utc).astimezone(timezone(timedelta(hours=-8)))
datetime(2024, 1, 2, 3, tzinfo=timezone.utc).timestamp(), datetime(1969, 12, 31, tzinfo=timezone.utc).timestamp(), datetime(2024, 1, 2, 3, 4, 5, 678901, timezone.utc).timestamp()
datetime.fromtimestamp(0, timezone.utc), datetime.fromtimestamp(1700000000.123456, timezone.utc), datetime.fromtimestamp(-0.5, tz=timezone.utc), datetime.utcfromtimestamp(86399)
datetime.fromtimestamp(1e20, timezone.utc)
datetime.fromtimestamp('1', timezone.utc)
datetime.combine(date(2024, 1, 2), time(3, 4)), datetime.combine(date(2024, 1, 2), time(3), timezone.utc)
datetime.combine(date(2024, 1, 2), time(3), tzinfo=None)
datetime(2024, 1, 2, tzinfo=timezone.utc).utcoffset(), datetime(2024, 1, 2).utcoffset(), datetime(2024, 1, 2, tzinfo=timezone.utc).tzname(), datetime(2024, 1, 2).dst()
datetime(2024, 1, 2).weekday(), datetime(2024, 1, 2).isoweekday(), datetime(2024, 1, 2).isocalendar(), datetime(2024, 1, 2).toordinal()
datetime(2024, 1, 2, 3, 4, 5).ctime()
datetime.min, datetime.max, datetime.resolution
(datetime(2024, 1, 2, 3, 4, 5, 6).hour, datetime(2024, 1, 2, 3, 4, 5, 6).microsecond, datetime(2024, 1, 2).tzinfo, datetime(2024, 1, 2).year)
sorted([datetime(2024, 2, 1), datetime(2024, 1, 1)])
min(datetime(2024, 2, 1), datetime(2024, 1, 1))
(datetime(2024, 3, 1) - datetime(2024, 2, 1)).days
f'{datetime(2024, 1, 2, 3, 4):%Y-%m-%d %H:%M}', f'{datetime(2024, 1, 2)}'
'{:%d.%m.}'.format(datetime(2024, 1, 2))
type(datetime.now() - datetime.now()).__name__, datetime.now(timezone.utc).tzinfo, datetime.utcnow().tzinfo
datetime.now(timezone.utc) - timedelta(days=90) < datetime.now(timezone.utc)
datetime.now(timezone.utc) - datetime.now()
dt_module.datetime.__name__, dt_module.UTC, dt_module.MINYEAR, dt_module.MAXYEAR
type(datetime(2024, 1, 1)).__name__, type(date(2024, 1, 1)).__name__, type(timedelta()).__name__
""")
each("datetime.fromisoformat($)", ["2024-01-02", "2024-01-02T03:04", "2024-01-02 03:04:05", "2024-01-02T03:04:05.678", "2024-01-02T03:04:05.678901+02:00", "2024-01-02T03:04:05Z", "20240102T030405", "2024-W01-2T03", "2024W012T03", "2024-01-02T03:04:05-05:30", "2024-01-02x03:04", "2024-01-02T", "2024-01-02T3", "2024-01-02T25:00", "2024-13-02", "nope", "", "2024-01-02😀03:04", "2024-01-02T03:04:05+25:00", "2024-01-02T03:04:05.1234567", "2024-01-02T03:04+00:00:30"])
WHEN = ["datetime(2024, 1, 2, 3, 4, 5, 67)", "datetime(2023, 12, 31, 23, 59, 59, tzinfo=timezone.utc)", "datetime(2021, 1, 3, 12, 0, tzinfo=timezone(timedelta(hours=-3, minutes=-30)))", "datetime(1999, 9, 9, 0, 30)"]
FORMATS = ["%a %A %b %B", "%c", "%d %e %-d %_d", "%f", "%H %I %-H %l %k", "%j", "%m %-m", "%M %S", "%p", "%s|%u|%w", "%U %W %V %G %g", "%x %X %D %T %R %F %r", "%y %Y %C", "%z|%Z", "%%", "%n%t%h", "%^a %^B", "%5Y|%3d", "%Q", "x%"]
for when in WHEN:
    for form in FORMATS:
        if "%s" in form and "tzinfo" not in when:
            continue
        CASES.append("%s.strftime(%r)" % (when, form))
for text, form in [
    ("2024-01-02", "%Y-%m-%d"), ("02/01/24", "%d/%m/%y"), ("2024-01-02 03:04:05", "%Y-%m-%d %H:%M:%S"), ("Jan 5 2024", "%b %d %Y"),
    ("january 05, 2024", "%B %d, %Y"), ("Tue, 02 Jan 2024 03:04:05 +0100", "%a, %d %b %Y %H:%M:%S %z"), ("2024-01-02T03:04:05Z", "%Y-%m-%dT%H:%M:%SZ"),
    ("2024-01-02T03:04:05Z", "%Y-%m-%dT%H:%M:%S%z"), ("03:04 PM", "%I:%M %p"), ("12:04 am", "%I:%M %p"), ("12:04 pm", "%I:%M %p"), ("2024 060", "%Y %j"),
    ("2024 10 1", "%Y %W %w"), ("2024 10 1", "%Y %U %w"), ("2024 10 1", "%G %V %u"), ("0.5", "%S.%f"), ("1.123456", "%S.%f"), ("20240102", "%Y%m%d"), ("1 2  3", "%d %m %H"),
    ("2024-01-02", "%Y-%m"), ("2024-01", "%Y-%m-%d"), ("2024-13-01", "%Y-%m-%d"), ("2024-02-30", "%Y-%m-%d"), ("x", "%Q"), ("x", "%"), ("5%", "%d%%"), ("", ""),
    ("+05:30", "%z"), ("-0530", "%z"), ("+05:30:15.5", "%z"), ("UTC", "%Z"), ("69", "%y"), ("68", "%y"), ("Tue Jan  2 03:04:05 2024", "%c"), ("01/02/24", "%x"), ("03:04:05", "%X"),
    ("2024-1-2", "%Y-%m-%d"), ("(2024)", "(%Y)"), ("10", "%V"), ("29 2", "%d %m"), ("23:59:61", "%H:%M:%S"),
]:
    CASES.append("datetime.strptime(%r, %r)" % (text, form))

# --- zoneinfo
add("""
ZoneInfo('Europe/Berlin'), str(ZoneInfo('Europe/Berlin')), ZoneInfo('Europe/Berlin').key
ZoneInfo('Europe/Berlin') is ZoneInfo('Europe/Berlin') or ZoneInfo('Europe/Berlin') == ZoneInfo('Europe/Berlin')
datetime(2024, 3, 31, 2, 30, tzinfo=ZoneInfo('Europe/Berlin')) - datetime(2024, 3, 31, 1, 30, tzinfo=ZoneInfo('Europe/Berlin'))
datetime(2024, 7, 1, 12, tzinfo=ZoneInfo('Europe/Berlin')).astimezone(ZoneInfo('America/New_York'))
datetime(2024, 7, 1, 12, tzinfo=ZoneInfo('Europe/Berlin')) == datetime(2024, 7, 1, 10, tzinfo=timezone.utc)
datetime(2024, 7, 1, 12, tzinfo=ZoneInfo('Europe/Berlin')) + timedelta(days=180)
datetime(2024, 7, 1, 12, tzinfo=ZoneInfo('Europe/Berlin')).dst(), datetime(2024, 1, 1, 12, tzinfo=ZoneInfo('Europe/Berlin')).dst()
datetime(2024, 10, 27, 0, 30, tzinfo=timezone.utc).astimezone(ZoneInfo('Europe/Berlin'))
datetime(2024, 10, 27, 1, 30, tzinfo=timezone.utc).astimezone(ZoneInfo('Europe/Berlin'))
datetime(2024, 10, 27, 1, 30, tzinfo=timezone.utc).astimezone(ZoneInfo('Europe/Berlin')).timestamp()
str(datetime(2024, 1, 1, tzinfo=ZoneInfo('UTC'))), datetime(2024, 1, 1, tzinfo=ZoneInfo('UTC')).tzname()
datetime(1890, 1, 1, tzinfo=ZoneInfo('Europe/Berlin')).utcoffset()
""")
for zone in ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Asia/Tokyo", "UTC", "America/Sao_Paulo", "Europe/London"]:
    for when in ["2024, 1, 15, 12", "2024, 7, 15, 12", "2024, 3, 10, 2, 30", "2024, 11, 3, 1, 30", "2024, 11, 3, 1, 30, fold=1", "2024, 3, 31, 2, 30, fold=1", "2024, 10, 27, 2, 30"]:
        fold = "fold" in when
        head = when.replace(", fold=1", "")
        CASES.append("datetime(%s, tzinfo=ZoneInfo(%r)%s).isoformat()" % (head, zone, ", fold=1" if fold else ""))
    if zone != "Australia/Lord_Howe":  # its abbreviations have no agreed form
        CASES.append("datetime(2024, 7, 15, tzinfo=ZoneInfo(%r)).tzname(), datetime(2024, 1, 15, tzinfo=ZoneInfo(%r)).strftime('%%Z %%z')" % (zone, zone))

# --- ipaddress
ADDRESSES = ["192.168.1.1", "8.8.8.8", "127.0.0.1", "10.0.0.0", "224.0.0.1", "169.254.1.1", "0.0.0.0", "255.255.255.255", "100.64.0.1", "172.31.255.255", "198.51.100.7", "::1", "::", "2001:db8::1", "2606:4700::1111", "fc00::1", "ff02::1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "1:2:3:4:5:6:7:8", "1::8", "1:0:0:2:0:0:0:3", "fec0::1", "2001:0db8:0000:0000:0000:ff00:0042:8329"]
for text in ADDRESSES:
    CASES.append("(lambda a: (a, str(a), a.version, a.is_private, a.is_loopback, a.is_link_local, a.is_multicast, a.is_reserved, a.is_unspecified, int(a), a.packed, a.exploded, a.compressed, a.reverse_pointer, a.max_prefixlen))(ip_address(%r))" % text)
each("ip_address($).is_global", [a for a in ADDRESSES if "ffff" not in a and "::1" != a[:3]])
each("ip_address($)", ["256.1.1.1", "1.2.3", "01.2.3.4", "1.2.3.4/24", "a", "", ":::", "1::2::3", "12345::", ":1:2:3:4:5:6:7", "1:2:3:4:5:6:7", "::1.2.3.4", "::1.2.3", "fe80::1%", "g::", 1, 2 ** 32, 2 ** 128, -1, b"\x7f\x00\x00\x01", b"\x00" * 16, b"abc", None, 1.5, "１.2.3.4", " 1.2.3.4", "1.2.3.4 "])
each("IPv4Address($)", ["1.2.3", "1.2.3.256", "1..2.3", "1.2.3.0004", "x.1.2.3", "::1", 2 ** 32, -1, ""])
each("IPv6Address($)", ["1.2.3.4", "1::2::3", "1:2:3:4:5:6:7:8:9:a", ":1", "1:", "12345::", "1:2:3:4:5:6:7:8::", "::1%a%b", "::1/64", "x::", "::1.2.3.300"])
NETWORKS = ["10.0.0.0/8", "192.168.1.0/24", "192.168.1.0/255.255.255.0", "192.168.1.0/0.0.0.255", "0.0.0.0/0", "1.2.3.4/32", "1.2.3.4/31", "1.2.3.4", "2001:db8::/32", "::/0", "fe80::/10", "::1/128", "fc00::/7", "100.64.0.0/10"]
for text in NETWORKS:
    CASES.append("(lambda n: (n, str(n), n.version, n.network_address, n.broadcast_address, n.netmask, n.hostmask, n.prefixlen, n.num_addresses, n.with_prefixlen, n.with_netmask, n.with_hostmask, n.is_private, n.is_loopback, n.is_link_local, n.is_multicast, n.exploded, n[0], n[-1]))(ip_network(%r, strict=False))" % text)
each("ip_network($)", ["10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/a", "10.0.0.0/8/8", "10.0.0.0/255.0.255.0", "::1/64", "::/129", "x", "", "10.0.0.0/", 167772160, ("10.0.0.0", 8), ("10.0.0.0", "255.0.0.0"), ("::", 64), None])
each("IPv4Network($)", ["10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/255.0.255.0", "10.0.0.0/-1", "::/0"])
add("""
ip_address('10.1.2.3') in ip_network('10.0.0.0/8'), ip_address('11.1.2.3') in ip_network('10.0.0.0/8'), ip_address('::1') in ip_network('10.0.0.0/8')
'10.1.2.3' in ip_network('10.0.0.0/8')
any(ip_address('192.168.5.5') in n for n in [ip_network('10.0.0.0/8'), ip_network('192.168.0.0/16')])
ip_address('1.2.3.4') == ip_address('1.2.3.4'), ip_address('1.2.3.4') == '1.2.3.4', ip_address('0.0.0.1') == ip_address('::1'), ip_address('1.2.3.4') != ip_address('1.2.3.5')
ip_address('1.2.3.4') < ip_address('1.2.3.10'), ip_address('1.2.3.4') >= ip_address('1.2.3.10')
ip_address('1.2.3.4') < ip_address('::1')
ip_address('1.2.3.4') < 1
sorted([ip_address('10.0.0.10'), ip_address('10.0.0.9')])
ip_address('1.2.3.4') + 1, ip_address('1.2.3.4') - 5, ip_address('::1') + 2 ** 64
ip_address('255.255.255.255') + 1
ip_address('0.0.0.0') - 1
ip_address('1.2.3.4') + 'a'
{ip_address('1.2.3.4'): 1}[ip_address('1.2.3.4')]
hash(ip_network('10.0.0.0/8')) == hash(ip_network('10.0.0.0/8'))
f"{ip_address('1.2.3.4')}", f"{ip_address('1.2.3.4'):b}", f"{ip_address('1.2.3.4'):#x}", f"{ip_address('::1'):_x}", f"{ip_address('1.2.3.4'):n}", f"{ip_address('1.2.3.4'):s}"
ip_address('::ffff:1.2.3.4').ipv4_mapped, ip_address('::1').ipv4_mapped, ip_address('2002:102:304::').sixtofour, ip_address('fe80::1%eth0').scope_id, ip_address('::1').scope_id, ip_address('fec0::1').is_site_local
list(ip_network('10.0.0.0/29').hosts()), list(ip_network('10.0.0.0/31').hosts()), list(ip_network('10.0.0.0/32').hosts()), list(ip_network('2001:db8::/126').hosts())
list(ip_network('10.0.0.0/30')), ip_network('10.0.0.0/30')[1], ip_network('10.0.0.0/30')[-1]
ip_network('10.0.0.0/30')[4]
list(ip_network('10.0.0.0/24').subnets()), list(ip_network('10.0.0.0/24').subnets(prefixlen_diff=2)), list(ip_network('10.0.0.0/30').subnets(new_prefix=32))
list(ip_network('10.0.0.0/24').subnets(new_prefix=20))
list(ip_network('10.0.0.0/24').subnets(prefixlen_diff=10))
ip_network('10.0.0.0/24').supernet(), ip_network('10.0.1.0/24').supernet(new_prefix=8), ip_network('0.0.0.0/0').supernet()
ip_network('10.0.0.0/24').supernet(prefixlen_diff=30)
ip_network('10.0.0.0/24').subnet_of(ip_network('10.0.0.0/8')), ip_network('10.0.0.0/8').supernet_of(ip_network('10.0.0.0/24')), ip_network('10.0.0.0/24').overlaps(ip_network('10.0.0.128/25'))
ip_network('10.0.0.0/24').subnet_of(ip_network('::/0'))
ip_network('10.0.0.0/8') == ip_network('10.0.0.0/8'), ip_network('10.0.0.0/8') < ip_network('10.0.0.0/9'), ip_network('10.0.0.0/8') == '10.0.0.0/8'
sorted(ip_network('192.0.2.0/28').address_exclude(ip_network('192.0.2.1/32')))
list(ip_network('192.0.2.0/28').address_exclude(ip_network('10.0.0.0/32')))
ip_interface('10.1.2.3/24'), ip_interface('10.1.2.3/24').ip, ip_interface('10.1.2.3/24').network, ip_interface('10.1.2.3/24').netmask, ip_interface('10.1.2.3/24').with_netmask, str(ip_interface('::1/64')), ip_interface('::1/64').network
ip_interface('x')
ip_network('10.0.0.0/8').is_global, ip_network('8.8.8.0/24').is_global
isinstance(ip_address('1.2.3.4'), IPv4Address), isinstance(ip_address('::1'), IPv4Address), isinstance(ip_network('::/0'), IPv6Network)
type(ip_address('1.2.3.4')).__name__
ip_address(ip_address('1.2.3.4'))
IPv4Address('1.2.3.4').packed, int(IPv4Address('0.0.1.0'))
ip_address('1.2.3.4').foo
""")

# --- urllib.parse
STRINGS = ["a b", "a/b?c=d&e", "é", "😀", "~-._", "%41", "a+b", "", "\n", "100%", "ключ"]
each("quote($)", STRINGS)
each("quote($, safe='')", STRINGS)
each("quote_plus($)", STRINGS)
each("unquote($)", ["a%20b", "%C3%A9", "%E4", "%zz", "a+b", "%F0%9F%98%80x%", "%2", "%41%C3", "é%41", "%c3%28"])
each("unquote_plus($)", ["a+b%2B", "%20+"])
add("""
quote('a b', safe=' '), quote(b'a\\xff'), quote('é', encoding='latin-1'), quote_plus('a b/c', safe='/'), quote('a/b', '')
quote(1)
quote_plus('a b+c', safe='+')
unquote('%E9', encoding='latin-1'), unquote_to_bytes('a%ffb'), unquote('%ff', errors='ignore')
urlencode({'a': 1, 'b': 'x y', 'c': None, 'd': True, 'e': 1.5}), urlencode([('a', 'b'), ('a', 'c')]), urlencode({'a': [1, 2]}), urlencode({'a': [1, 2], 'b': 'xy'}, doseq=True), urlencode({'a': ('x', 'é')}, True)
urlencode({'a b': 'c/d', 'é': b'\\xff'}), urlencode({'a': 'b c'}, quote_via=quote), urlencode({'a': '/'}, safe='/'), urlencode({}), urlencode([])
urlencode('abc')
urlencode([1])
urlencode([(1, 2, 3)])
parse_qs('a=1&b=2&a=3&c=&d'), parse_qs('a=1&c=', keep_blank_values=True), parse_qs('a=%20+x&%C3%A9=b'), parse_qs('')
parse_qsl('a=1&b=2&a=3'), parse_qsl('a=1;b=2', separator=';'), parse_qsl('a&b', True), parse_qsl('&&a=b&')
parse_qsl('a', strict_parsing=True)
parse_qsl('a=1&b=2', max_num_fields=1)
parse_qs('next=%2Fif%2Fuser%2F&token=abc')['next'][0]
urlunparse(('https', 'h', '/p', 'x', 'q=1', 'f')), urlunparse(['', '', 'p', '', '', '']), urlunsplit(('https', 'h', 'p', 'q', 'f')), urlunsplit(('mailto', '', 'a@b', '', ''))
urlparse('https://a/b')._replace(query='x=1', scheme='http').geturl(), urlsplit('//h/p')._replace(netloc='x')
urlparse('https://a/b')[1], list(urlparse('https://a/b')), urlparse('https://a/b') == ('https', 'a', '/b', '', '', ''), urlsplit('https://a/b')._asdict()
urlparse('path', scheme='https'), urlparse('a#b', allow_fragments=False), urlparse(''), urlparse(None) if False else 0
urldefrag('https://a/b#c'), urldefrag('a').url
dict(parse_qsl(urlparse('https://h/p?next=%2Fx&y=1').query))
urlparse('https://h:99999/').port
urlparse('https://h:x/').port
urlparse(5)
""")
URLS = ["https://user:pw@Host.Example:8443/p/a;t=h?q=1&r=2#frag", "http://example.org", "//host/path", "/path?x", "mailto:a@b.c", "HTTP://[2001:DB8::1]:80/x", "http://[::1%eth0]/", "path;params", "ldap://h/dc=x;y", "https://h?q#f", "https://h:/x", "https://@h/", "https://u@h", "javascript:alert(1)", "a:b", "1a:b", " https://h/x ", "https://h/a\tb\nc", "http://[::1", "http://::1]", "http://[v1.x]/", "http://[1.2.3.4]/", "http://[zz]/", "http://h℀.c/", "https://a/b;c/d;e", "https:///p", "https:p", "?q", "#f", "urn:ietf:wg:oauth:2.0:oob", "com.example.app:/cb", "http://localhost:8080"]
for url in URLS:
    CASES.append("urlparse(%r)" % url)
    CASES.append("(lambda u: (u, u.geturl(), u.username, u.password, u.hostname))(urlsplit(%r))" % url)
each("urljoin('http://a/b/c/d;p?q', $)", ["g:h", "g", "./g", "g/", "/g", "//g", "?y", "g?y", "#s", "g#s", ";x", "", ".", "./", "..", "../", "../g", "../..", "../../g", "../../../g", "/./g", "g.", "..g", "./g/.", "g;x=1/../y", "http:g"])
for base, url in [("", "x"), ("https://a/b", ""), ("https://a", "b"), ("mailto:a", "b"), ("https://a/b//c", "../d"), ("a/b", "c"), ("https://a/b", "http://x"), ("ws://a/b/", "c"), ("foo://a/b", "c")]:
    CASES.append("urljoin(%r, %r)" % (base, url))


def answer(expression):
    try:
        return repr(eval(expression))
    except Exception as error:
        module = type(error).__module__
        name = type(error).__name__ if module == "builtins" else "%s.%s" % (module.replace("zoneinfo._common", "zoneinfo"), type(error).__name__)
        return "%s: %s" % (name, error)


print("[")
print(",\n".join(json.dumps([case, answer(case)], ensure_ascii=False) for case in CASES))
print("]")
