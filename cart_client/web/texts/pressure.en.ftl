care-pressure-turned = The diastolic pressure must be below the systolic.
care-value-twice = The same value stands twice.
notice-pressure-turned = The diastolic pressure must be below the systolic.
