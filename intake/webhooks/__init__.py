"""Webhooks: other programs hear of what happens here, soon, signed, and at least once.

An administrator registers an endpoint with the kinds of event it wants (`registering`). Each such
event is promised to it as it is recorded (`intake.events.record`), and so are calls that rules ask
for (`promising`). What a receiver checks is in `signing`; each try is noted, and an endpoint that
takes nothing any more is told of, in `trying`. After so many days as the desk says, what was said
and answered is given up (`forgetting`).
"""

from intake.endpoints import Endpoint as Endpoint
from intake.endpoints import WrongEndpoint as WrongEndpoint
from intake.webhooks import forgetting as forgetting
from intake.webhooks.promising import Forgotten as Forgotten
from intake.webhooks.promising import StillDue as StillDue
from intake.webhooks.promising import body_of as body_of
from intake.webhooks.promising import promise_call as promise_call
from intake.webhooks.promising import send_again as send_again
from intake.webhooks.promising import send_test as send_test
from intake.webhooks.registering import EndpointChanged as EndpointChanged
from intake.webhooks.registering import change as change
from intake.webhooks.registering import endpoint_of as endpoint_of
from intake.webhooks.registering import every as every
from intake.webhooks.registering import pause as pause
from intake.webhooks.registering import register as register
from intake.webhooks.registering import remove as remove
from intake.webhooks.registering import resume as resume
from intake.webhooks.registering import rotate as rotate
from intake.webhooks.signing import secrets_of as secrets_of
from intake.webhooks.signing import signature as signature
from intake.webhooks.trying import Outcome as Outcome
from intake.webhooks.trying import Try as Try
from intake.webhooks.trying import deliveries_to as deliveries_to
from intake.webhooks.trying import latest as latest
from intake.webhooks.trying import note as note
from intake.webhooks.trying import tries_of as tries_of
