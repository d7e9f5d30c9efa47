# Báo cáo sự cố tại xe
incident-link = Báo sự cố
incident-title = Báo cáo sự cố hoặc suýt xảy ra
incident-told = Không ai bị quy lỗi. Chạm một loại là gửi. Xe tự đính kèm người bệnh, y lệnh và kết quả kiểm tra.
incident-words = Một dòng nếu kịp (không bắt buộc)
incident-reached = Đã tới người bệnh chưa?
incident-reached-no = Chưa tới
incident-reached-yes = Đã tới
incident-reached-unknown = Không rõ
incident-anonymous = Không cho đồng nghiệp thấy tên tôi
incident-what = Chuyện gì đã xảy ra? Chạm để gửi
incident-kind-wrong-patient = Sai người bệnh
incident-kind-wrong-drug = Sai thuốc
incident-kind-wrong-dose = Sai liều
incident-kind-wrong-time = Sai giờ
incident-kind-omitted = Bỏ sót liều
incident-kind-wrong-route = Sai đường dùng
incident-kind-wrong-rate = Sai tốc độ truyền
incident-kind-allergy = Dị ứng hoặc phản ứng đã biết
incident-kind-look-alike = Thuốc nhìn giống, đọc giống
incident-kind-label = Nhãn, mã vạch hoặc vòng tay
incident-kind-order = Y lệnh
incident-kind-device = Xe, máy quét hoặc phần mềm
incident-kind-workaround = Phải làm khác quy trình
incident-kind-other = Khác
notice-incident-reported = Đã ghi báo cáo trên xe; xe tự gửi đi. Cảm ơn bạn.
help-care-incident-for = Báo cáo một sự cố hoặc điều suýt xảy ra, trong vài giây.
help-care-incident-next =
    Chạm loại sự cố là gửi. Không cần chép số nào.
    Chăm sóc người bệnh trước; báo cáo sau cũng được.
