tile-emr-late = bản ghi chờ gửi sang bệnh án điện tử đã quá năm phút
emr-late = Có bản ghi chờ bệnh án điện tử đã { $age }: hãy xem vì sao, và báo bộ phận công nghệ thông tin nếu bệnh án điện tử không hoạt động. Thuốc đã dùng vẫn được ghi nhận.
emr-reasons = Vì sao các bản ghi bị giữ lại
emr-one-by-one = Hãy tìm từng bản ghi trong bệnh án điện tử rồi mới gửi lại: gửi chung có thể làm trùng.
requeue-all = Gửi lại { $count } bản ghi
requeue-all-rebuild = Tạo lại và gửi
done-requeue-all = { $count ->
    [0] Không có bản ghi nào để gửi lại.
   *[other] { $count } bản ghi sẽ được gửi lại.
 }
emr-kind-device = xe thuốc { $cart }
emr-kind-blocked = liều bị chặn, không dùng
emr-fault-none = Không rõ lý do.
emr-fault-other = Lý do khác ({ $reason }).
emr-fault-emr-unavailable = Chưa kết nối được với bệnh án điện tử; hệ thống tự gửi lại.
emr-fault-emr-unclear = Bệnh án điện tử từ chối mà không nói rõ lỗi ở đâu.
emr-fault-emr-outcome-unknown = Không biết bệnh án điện tử đã nhận hay chưa: hãy tìm trong đó trước khi gửi lại.
emr-fault-emr-sending = Máy chủ dừng khi đang gửi: không biết bệnh án điện tử đã nhận hay chưa.
emr-fault-emr-rejected = Bệnh án điện tử không nhận bản ghi này.
emr-fault-emr-bundle-invalid = Bản ghi lập ra không đúng chuẩn nên không gửi đi.
emr-fault-emr-other-form = Bản ghi được lập cho một bệnh án điện tử khác.
emr-fault-emr-start-missing = Đang chờ bản ghi bắt đầu mà nó tiếp nối.
emr-fault-emr-missing = Bệnh án điện tử đã báo nhận hai lần nhưng không có bản ghi này.
emr-fault-emr-several = Bệnh án điện tử có bản ghi này nhiều hơn một lần: hãy xóa bản thừa trong đó.
emr-fault-emr-not-taken = Bệnh án điện tử này không nhận loại thông tin như vậy. Đây không phải là một liều thuốc.
emr-fault-emr-sign-in-refused = Bệnh án điện tử từ chối tên đăng nhập hoặc mật khẩu của máy chủ: hãy báo bộ phận công nghệ thông tin.
emr-fault-quantity-unreadable = Số lượng không viết được theo chuẩn của bệnh án điện tử.
emr-fault-program-fault = Lỗi của chương trình: hãy báo bộ phận công nghệ thông tin. Bản ghi vẫn còn và được thử gửi lại.
audited-emr-missing = Không thấy trong bệnh án điện tử
audited-emr-several = Trùng trong bệnh án điện tử
