care-pressure-turned = Huyết áp tâm trương phải thấp hơn tâm thu.
care-value-twice = Đã ghi hai số khác nhau cho cùng một trị số.
notice-pressure-turned = Huyết áp tâm trương phải thấp hơn tâm thu.
