"""Reads the fan: a sensor to be added, with a column of its own."""

from rsc_bench.harness.machine.sensors import Sensor

SENSOR = Sensor("fan", ("fan_percent",), lambda gpu: (gpu.ask("FanSpeed"),), summary="Speed of the fan in percent.")
