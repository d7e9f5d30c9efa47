help-fleet-alerts-for = Xe nào đang có vấn đề, việc nặng nhất ở trên, và ai đã xem.
help-fleet-alerts-next =
    Bấm đã nhận việc mình đang xử lý: tên của bạn hiện bên cạnh.
    Tạm im việc đã biết, ghi lý do và đến khi nào. Nếu vẫn còn, cảnh báo tự hiện lại.
help-fleet-alert-rules-for = Khi nào máy chủ tự báo, và báo cho ai qua thư điện tử hoặc webhook.
help-fleet-alert-rules-next =
    Ngưỡng hết báo cách xa ngưỡng bắt đầu báo, để cảnh báo không nhấp nháy.
    Tin không gửi được nằm ở dưới: xem lại địa chỉ rồi gửi lại.
help-rollouts-for = Mọi đợt cập nhật: đang đến đâu, đợt nào đang chờ người quyết định.
help-rollouts-next = Đợt tự tạm dừng có ghi lý do. Mở ra xem trước khi cho chạy tiếp.
help-rollout-form-for = Đợt cập nhật mới: bản nào, cho xe nào, chia mấy lượt, khi nào phải dừng.
help-rollout-form-next =
    Xem trước: xe nào vào lượt nào, trước khi bắt đầu.
    Bắt đầu bằng một lượt nhỏ, ở nơi có thể đi bộ đến xem.
help-rollout-for = Một đợt cập nhật: từng lượt, từng xe kèm lý do vì sao chưa cập nhật, và xe nào hỏng.
help-rollout-next =
    Sau mỗi lượt, xem các xe của lượt đó rồi mới duyệt lượt sau.
    Tạm dừng chặn những gì chưa bắt đầu. Xe đang ghi dở sẽ tự ghi xong an toàn.
help-rollouts-of-cart-for = Mọi lần cập nhật của xe này, từng lần thử, và kết quả.
help-rollouts-of-cart-next = Có lần bị hoàn lại: mở đợt cập nhật đó xem lý do trước khi xe nhận bản tiếp theo.
help-fleet-commands-of-cart-for = Xe này được yêu cầu làm gì, ai yêu cầu, và xe đã xác nhận gì.
help-fleet-commands-of-cart-next = "Không rõ kết quả" nghĩa là không ai biết: đến xem xe trước khi yêu cầu lại.
