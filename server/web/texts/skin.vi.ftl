bedside-skin-test = Kết quả test da
skin-negative = ÂM TÍNH
skin-positive = DƯƠNG TÍNH
skin-doubtful = NGHI NGỜ
