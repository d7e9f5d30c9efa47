# Có người tìm xe.
located = Có người đang tìm xe { $cart }
located-text = Bấm nút khi đã tìm thấy. Việc cho thuốc không bị ảnh hưởng.
located-found = Đã tìm thấy
