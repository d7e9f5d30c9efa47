# Số đọc được hai cách, với tên ô.
observe-bad-ambiguous = { $field }: “{ $value }” đọc được hai cách, một phẩy mấy hay mấy nghìn. Viết lại, ví dụ 1000 hoặc 1,5.
fill-ambiguous = Số lượng: “{ $value }” đọc được hai cách, một phẩy mấy hay mấy nghìn. Viết lại, ví dụ 1000 hoặc 1,5.
