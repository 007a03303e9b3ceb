"""Common Alerting Protocol 1.2 (OASIS, 1 July 2010): a pure codec, bytes <-> structs.

Times are written with an offset and whole seconds, never ``Z``; polygons are closed rings of latitude, longitude.
Document type declarations are refused, so no entity can grow or reach out. Digital signatures are made by
`sign_cap` where the optional package for them is installed, and not checked here.
"""

from .model import NAMESPACE as NAMESPACE
from .model import CapAlert as CapAlert
from .model import CapArea as CapArea
from .model import CapError as CapError
from .model import CapInfo as CapInfo
from .model import CapReference as CapReference
from .model import certainty_of as certainty_of
from .model import severity_of as severity_of
from .model import urgency_of as urgency_of
from .reader import read_cap as read_cap
from .signature import sign_cap as sign_cap
from .writer import write_cap as write_cap
