"""Who writes to Contoso, what about, and what is answered."""

from __future__ import annotations

from dataclasses import dataclass

from intake.cases import ActivityKind

SUPPORT = "support@contoso.example"
BILLING = "billing@contoso.example"


@dataclass(frozen=True, slots=True)
class Story:
    """What somebody wants."""

    subject: str
    text: str
    product: str = ""
    """The number of the product it is about, if it is about one."""


# Name, mail address, phone, and the mailbox they write to.
PEOPLE = (
    ("Nora Field", "nora@northwind.example", "+34911000101", SUPPORT),
    ("Nora Field", "nora@northwind.example", "+34911000101", SUPPORT),
    ("Nils Berg", "nils@northwind.example", "", SUPPORT),
    ("Fabio Rossi", "fabio@fabrikam.example", "+34911000202", SUPPORT),
    ("Fabio Rossi", "fabio@fabrikam.example", "+34911000202", SUPPORT),
    ("Tara Lane", "tara@tailspin.example", "+34911000303", SUPPORT),
    ("Tomas Gil", "tomas@tailspin.example", "", SUPPORT),
    ("Alba Ruiz", "alba@adventure.example", "", BILLING),
    ("Wim Tip", "wim@wingtip.example", "", SUPPORT),
    ("Walk-in visitor", "visitor@example.org", "", SUPPORT),
)

STORIES = (
    Story(
        "Printer shows offline",
        "The printer on the second floor shows offline since noon.",
        "CP-200",
    ),
    Story("Cannot sign in", "I forgot my password and the reset mail does not arrive."),
    Story(
        "VPN drops every few minutes", "Working from the hotel, the VPN disconnects all the time."
    ),
    Story("Invoice 2231 seems wrong", "The invoice lists three devices; we have only two."),
    Story("Refund for order 7718", "I was charged twice for the same order. Please check."),
    Story("Is this mail from you?", "I got a mail that asks for my password. Is it phishing?"),
    Story("Licence for a new laptop", "How do I move the licence key to my new computer?"),
    Story(
        "Wi-Fi weak in the meeting room", "The signal is so weak that calls break off.", "CX-300"
    ),
    Story("Export ends with error 504", "Exporting last year's report to CSV fails each time."),
    Story(
        "Router update left a blank page",
        "After the firmware update the page stays blank.",
        "CX-100",
    ),
    Story("Configurar el correo en el móvil", "No consigo configurar el correo en mi móvil nuevo."),
    Story(
        "Screen is broken, warranty?",
        "A device fell over; is a broken screen under warranty?",
        "CM-24",
    ),
    Story(
        "Scanner saves to the wrong folder", "Since Monday scans land in the old folder.", "CP-200"
    ),
    Story("Slow since the upgrade", "Everything takes twice as long since the last upgrade."),
)

ANSWERS = (
    "Hello,\n\nplease switch it off and on, wait for the steady light, and tell me what you see.",
    "Hello,\n\nI found the cause and corrected it. Could you try once more?",
    "Hello,\n\nthis is described in our article; the second step is the one that matters here.",
    "Hello,\n\nI need the serial number from the label below the device.",
    "Hola:\n\nlo he corregido; pruébelo otra vez, por favor.",
)

RESOLUTIONS = (
    "Explained by an article; works again.",
    "Configuration corrected by us.",
    "Replaced the device.",
    "Customer found it together with us on the phone.",
)

TO_DO = (
    (ActivityKind.PHONE_CALL, "Call back when the part is in"),
    (ActivityKind.PHONE_CALL, "Ask whether it still works"),
    (ActivityKind.TASK, "Order a spare part"),
    (ActivityKind.TASK, "Ask the manufacturer"),
    (ActivityKind.APPOINTMENT, "Look at it on site"),
)
