# Un nombre qui se lit de deux façons, avec son champ.
observe-bad-ambiguous = { $field } : « { $value } » se lit de deux façons, milliers ou décimales. Réécrivez, par exemple 1000 ou 1,5.
fill-ambiguous = Unités : « { $value } » se lit de deux façons, milliers ou décimales. Réécrivez, par exemple 1000 ou 1,5.
