"""Contoso's knowledge base: title, keywords, body."""

ARTICLES = (
    (
        "Reset a forgotten password",
        "password, login, sign in, locked out",
        "Open the sign-in page and choose “Forgot password”. We send a link to your address; it "
        "works for one hour. If no mail arrives, look in the spam folder. After five wrong "
        "passwords the account is locked for 15 minutes; wait, then use the newest link only.",
    ),
    (
        "Printer shows offline",
        "printer, offline, print queue, CP-200",
        "Switch the printer off and on, and wait for a steady light. On Windows open Devices and "
        "Printers, right-click the printer and clear “Use printer offline”. On macOS remove the "
        "printer in System Settings and add it again. Check that computer and printer are on the "
        "same network; guests' networks do not reach printers.",
    ),
    (
        "Update the firmware of Router X",
        "router, firmware, update, CX-100, wifi",
        "Open http://router.local, sign in and choose Maintenance, Firmware. Press “Check now”. "
        "The update takes four minutes; do not cut the power. If the page stays blank afterwards, "
        "hold the reset button for ten seconds: settings are kept.",
    ),
    (
        "VPN disconnects after a few minutes",
        "vpn, disconnect, remote, tunnel",
        "Most drops come from power saving of the network card. Switch it off in the adapter's "
        "settings, and set the VPN client to “Keep alive: 20 s”. Behind hotel networks choose TCP "
        "instead of UDP. If it drops exactly each hour, your sign-in expires: update the client.",
    ),
    (
        "Read your invoice",
        "invoice, factura, billing, amount, VAT",
        "Each invoice lists the contract, its lines and the overage, if any. VAT is shown last. "
        "If an amount seems wrong, answer with the invoice number and the line; we correct within "
        "two working days and send a credit note.",
    ),
    (
        "Ask for a refund",
        "refund, money back, charged twice, cancel order",
        "Orders can be returned within 30 days. Tell us the order number; a refund reaches your "
        "card within five working days. A payment that appears twice is usually a reservation "
        "that your bank releases by itself after three days.",
    ),
    (
        "Recognise phishing",
        "phishing, scam, suspicious mail, hacked",
        "We never ask for a password by mail. Look at the sender's domain, not the name. Do not "
        "open the link; forward the mail as an attachment to security. If you typed your password, "
        "change it at once and sign out all devices.",
    ),
    (
        "Move a licence to a new computer",
        "license, licence, key, activation, new computer",
        "Deactivate the licence on the old computer under Help, Licence. Then enter the key on the "
        "new one. If the old computer no longer starts, we can release the key for you: send the "
        "key's last five characters.",
    ),
    (
        "Connect to Wi-Fi",
        "wifi, wireless, network, connect, signal",
        "Stand near the router for the first connection. Choose the network, type the key from the "
        "label under the router. If the signal is weak in one room, move the router to a higher "
        "place or choose channel 1, 6 or 11.",
    ),
    (
        "Export a report",
        "export, report, csv, excel, error",
        "Open Reports, choose the period, press Export. Files over 50,000 rows are mailed to you. "
        "Error 504 means that the period is too long: export month by month.",
    ),
    (
        "Configurar el correo en el móvil",
        "correo, móvil, teléfono, configurar, imap",
        "En Ajustes elija Cuentas y luego Añadir cuenta. Servidor de entrada imap.contoso.example, "
        "puerto 993 con TLS. Servidor de salida smtp.contoso.example, puerto 587. El usuario es su "
        "dirección completa.",
    ),
    (
        "Warranty and repairs",
        "warranty, repair, broken, defective, replacement",
        "Hardware has two years of warranty. Send us the serial number and a photo of the damage. "
        "We send a prepaid label; repairs take eight working days. For contract customers a spare "
        "device is sent the same day.",
    ),
)

LATER = (
    "Close the office for the holidays",
    "holidays, closed, opening hours, emergency",
    "From Christmas to the sixth of January only the emergency line is answered. Cases that are "
    "opened meanwhile are picked up on the first working day; clocks stand still until then.",
)
"""Written, and to be published when the time comes."""
