"""The devices' side of the network: what is not acknowledged is kept and sent again."""

from .account import Account as Account
from .http import HttpDevices as HttpDevices
from .mqtt import MqttDevice as MqttDevice
from .outbox import Outbox as Outbox
