# Số đọc được hai cách, và số nhập ở từng ô.
notice-number-ambiguous = Ô “{ $field ->
    [waste] Lượng bỏ
    [returned] Lượng trả lại
    [rate] Tốc độ
    [infused] Đã truyền
    [blind] Số tự tính
   *[dose] Lượng dùng
  }”: “{ $text }” đọc được hai cách, một phẩy mấy hay mấy nghìn. Viết lại, ví dụ 1000 hoặc 1,5.
care-number-ambiguous = Số này đọc được hai cách, một phẩy mấy hay mấy nghìn: viết lại, ví dụ 1000 hoặc 1,5.
