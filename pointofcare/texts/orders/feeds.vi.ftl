# Đơn từ hệ thống khác.
clarify-newer-version-unreadable = hệ thống gửi đã có phiên bản mới không đọc được ({$value})
clarify-held-by-sender = hệ thống gửi đang tạm dừng y lệnh này
