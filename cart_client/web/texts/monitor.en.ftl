# The monitor that is plugged into the cart.
monitor-take = Take from the monitor: { $value } { $unit }
monitor-check = See that the sensor is on this very patient.
monitor-monitor-away = The monitor does not answer
monitor-settling = Monitor: waiting for a steady value…
monitor-no-value = The monitor has no value yet
monitor-no-sensor = Monitor: no sensor is plugged in
monitor-sensor-broken = Monitor: the sensor is broken
monitor-sensor-off = Monitor: the sensor came off the finger
monitor-searching = Monitor: looking for the pulse
monitor-low-perfusion = Monitor: poor perfusion, the value is not sure
monitor-interference = Monitor: interference
monitor-too-much-light = Monitor: too much light, cover the sensor
monitor-sensor-unknown = Monitor: it does not know this sensor
monitor-weak-signal = Monitor: weak signal, the value is not sure
monitor-unknown-exception = The monitor reports a fault: count and enter it yourself
