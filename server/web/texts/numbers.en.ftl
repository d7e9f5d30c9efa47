# A number that can be read in two ways, with its field.
observe-bad-ambiguous = { $field }: “{ $value }” can be read in two ways, as thousands or as a fraction. Write it again, such as 1000 or 1.5.
fill-ambiguous = Units: “{ $value }” can be read in two ways, as thousands or as a fraction. Write it again, such as 1000 or 1.5.
