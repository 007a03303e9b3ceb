"""Telling people outside the control room about alerts: mail, webhooks, syslog, each with a receipt."""

from .channels import Channel as Channel
from .channels import ChannelConfig as ChannelConfig
from .channels import NotifyError as NotifyError
from .channels import check_channels as check_channels
from .channels import make_channel as make_channel
from .notifier import Notifier as Notifier
