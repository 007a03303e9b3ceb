"""Actuators: devices that are told something and answer."""

from .signs import SignActuator as SignActuator
