"""Detection assurance: attacks in an installation's own recorded history, and what its detectors would have missed."""

from .files import keep_report as keep_report
from .files import newest_report as newest_report
from .page import report_html as report_html
from .page import report_text as report_text
from .report import Assurance as Assurance
from .report import BlindSpot as BlindSpot
from .report import KindShare as KindShare
from .run import AssureError as AssureError
from .run import Plan as Plan
from .run import assure as assure
from .sources import HistorySource as HistorySource
from .sources import Planted as Planted
from .sources import month_begin_us as month_begin_us
from .sources import plant as plant
from .sources import write_month as write_month
