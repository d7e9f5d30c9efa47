# Thời hạn lưu trữ trong nhật ký.
audited-retention-erase = Xóa dữ liệu máy đã hết thời hạn lưu trữ
audited-retention-hold = Đặt lệnh giữ, không được xóa
audited-retention-release = Kết thúc lệnh giữ
