# A number that can be read in two ways, with the field it was typed in.
notice-number-ambiguous = “{ $field ->
    [waste] Amount wasted
    [returned] Amount returned
    [rate] Rate
    [infused] Amount run in
    [blind] Your own figure
   *[dose] Amount given
  }”: “{ $text }” can be read in two ways, as thousands or as a fraction. Write it again, such as 1000 or 1.5.
care-number-ambiguous = This can be read in two ways, as thousands or as a fraction: write it again, such as 1000 or 1.5.
