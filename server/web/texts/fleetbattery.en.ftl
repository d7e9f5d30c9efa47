battery-title = Cart batteries
battery-spread = State of health of the whole fleet
battery-carts = Carts
battery-unknown = { $n ->
    [one] { $n } cart has not told its state of health.
   *[other] { $n } carts have not told their state of health.
}
battery-how = Hours left are reckoned at this cart’s own measured load, down to 5 % of charge. It takes at least 2 hours on battery; before that it is not known.
battery-left = Hours left
battery-load = Load
battery-per-hour = { $n } % per hour
battery-hours = { $n } h
battery-between = ({ $least }–{ $most })
battery-unsure = not sure
battery-not-known = not known
battery-cycles = Charge cycles
battery-temperature = Temperature
battery-replace = Replace by
battery-replace-now = replace now
battery-seen = From { $n } recent hours on battery
help-fleet-battery-for = All batteries: how long they last, how worn they are, when to replace them.
help-fleet-battery-next =
    Carts that run out first stand first: charge them.
    Below 70 % of health: plan a replacement on the page Maintenance.
