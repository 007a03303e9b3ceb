"""The Common Operational Picture: its read model, its numbered changes, and the API around it."""

from .actions import actions_router as actions_router
from .auth import Gate as Gate
from .auth import Person as Person
from .auth import SessionMiddleware as SessionMiddleware
from .entries import entries_router as entries_router
from .errors import NoAnswer as NoAnswer
from .hub import PictureHub as PictureHub
from .read_model import Picture as Picture
from .releases import ReleaseDesk as ReleaseDesk
from .releases import ReleaseView as ReleaseView
from .releases import releases_router as releases_router
from .replies import Replies as Replies
from .services import PictureServices as PictureServices
from .sessions import sessions_router as sessions_router
from .sharing import sharing_router as sharing_router
from .site_document import site_document as site_document
from .throttle import Throttle as Throttle
from .views import views_router as views_router
