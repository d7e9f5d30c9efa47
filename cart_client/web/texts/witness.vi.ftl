# Người kiểm tra thứ hai ở xe hoặc điện thoại khác.
afar-elsewhere = Kiểm tra kép từ máy khác
afar-ask-hint = Bên cạnh không có ai?
afar-ask = Mời đồng nghiệp ở xe hoặc điện thoại khác
afar-asked = Đã mời lúc { $time }, chờ đến { $until }
afar-sending = Đang gửi đến máy chủ…
afar-nobody = Máy chủ đã nhận, nhưng chưa có xe hay điện thoại nào khác của khoa đang bật. Mời người đến tại đây.
afar-reached = Đã báo { $count } máy: { $carts }. Người đến tại đây vẫn ký được.
afar-line-lost = Mất liên lạc với máy chủ: mời người thứ hai đến ký tại đây.
afar-stop = Thôi mời
afar-offline = Không có mạng nên không mời từ xa được: người thứ hai ký tại đây.
afar-calls = Đồng nghiệp đang cần người kiểm tra thứ hai
afar-call = Giường { $bed }: cần người kiểm tra thứ hai
afar-call-from = { $name } mời, từ máy { $cart }
afar-look = Xem
afar-title = Kiểm tra kép giúp đồng nghiệp
afar-who-asks = Giường { $bed } · { $name } mời từ máy { $cart } lúc { $time }
afar-badge = Đưa thẻ của bạn trước camera
afar-badge-hint = Không có camera ở trang này thì gõ số thẻ. Người mời không tự kiểm tra cho mình được.
afar-pin = PIN của { $name }
afar-not-you = Không phải bạn? Đưa thẻ của bạn.
afar-other-badge = Dùng thẻ khác
afar-see = Ký và xem
afar-not-now = Không phải lúc này (để người khác)
afar-no-order = Không có y lệnh
afar-keyed = gõ tay, không quét
afar-nothing-scanned = Chưa quét gì
afar-found = Máy đang lưu ý
afar-found-nothing = Không có điều gì khác.
afar-only-what-you-see = Bạn chỉ thấy những gì máy kia đã quét và ghi. Cần nhìn tận mắt thuốc hoặc bơm tiêm thì từ chối và đến tại giường.
afar-confirm-title = { $name } xác nhận
afar-blind = Tự tính từ y lệnh và cân nặng, không hỏi người kia. Hai con số chỉ được so sau khi gửi.
afar-confirm = Đã kiểm tra, ĐÚNG
afar-decline-title = Không xác nhận
afar-decline = Từ chối
afar-decline-wrong-patient = Sai người bệnh
afar-decline-wrong-drug = Sai thuốc
afar-decline-wrong-amount = Sai liều hoặc tốc độ
afar-decline-not-now-needed = Lúc này không nên dùng (ghi rõ)
afar-decline-cannot-judge = Xem từ xa không đủ: cần đến tận nơi
afar-decline-other = Lý do khác (ghi rõ)
afar-under-way = Đang gửi. Chưa tính là đã xác nhận cho đến khi máy chủ trả lời.
afar-done = Về màn hình chính
afar-outcome-confirmed = Đã nhận xác nhận của bạn.
afar-outcome-declined = Đã báo cho đồng nghiệp: bạn không xác nhận.
afar-outcome-taken = { $name } đã trả lời trước ở máy { $cart }: câu trả lời của bạn không được tính.
afar-outcome-expired = Đã quá giờ: câu trả lời không được tính.
afar-outcome-withdrawn = Đồng nghiệp không cần nữa: câu trả lời không được tính.
afar-outcome-void = Ở máy kia đã có thay đổi: câu trả lời không được tính. Đồng nghiệp phải mời lại.
afar-outcome-over = Lời mời này đã hết hoặc đã thay đổi.
afar-outcome-unknown = Máy chủ không biết lời mời này: câu trả lời không được tính.
afar-outcome-unheard = Chưa rõ máy chủ có nhận được không. Đừng coi là đã xác nhận: gọi cho đồng nghiệp.
afar-outcome-asker-away = Máy đang mời không còn liên lạc được: câu trả lời không được tính. Gọi cho đồng nghiệp.
afar-outcome-same-cart = Chính máy này đang mời: ký trên màn hình chính.
afar-outcome-other-ward = Máy này thuộc khoa khác: câu trả lời không được tính.
afar-outcome-same-person = Người mời không tự kiểm tra cho mình được.
afar-outcome-person-unknown = Máy chủ không biết bạn: câu trả lời không được tính.
afar-outcome-inactive = Tài khoản của bạn đã ngừng: câu trả lời không được tính.
afar-outcome-student = Học viên không được kiểm tra kép.
afar-outcome-role = Vai trò của bạn không được kiểm tra kép.
afar-outcome-unlicensed = Máy chủ không thấy chứng chỉ hành nghề của bạn: câu trả lời không được tính.
afar-outcome-no-figure = Thiếu con số tự tính: câu trả lời không được tính.
afar-outcome-refused = Máy chủ không nhận câu trả lời.
notice-witness-afar-offline = Không có mạng nên không mời từ xa được: người thứ hai ký tại đây.
notice-witness-afar-unknown = Chưa rõ thuốc này cho ai nên không mời được.
notice-witness-afar-confirmed = { $name } đã xác nhận ở máy { $cart }.
notice-witness-afar-declined = { $name } ở máy { $cart } KHÔNG xác nhận: { $reason ->
    [wrong-patient] sai người bệnh
    [wrong-drug] sai thuốc
    [wrong-amount] sai liều hoặc tốc độ
    [not-now-needed] lúc này không nên dùng
    [cannot-judge] xem từ xa không đủ, cần đến tận nơi
   *[other] lý do khác
 }. { $text }
notice-witness-afar-expired = Chưa ai trả lời và đã hết giờ chờ: mời lại, hoặc mời người đến ký tại đây.
notice-witness-afar-void = Có thay đổi sau khi mời nên lời mời và câu trả lời cũ không còn giá trị: kiểm tra lại rồi mời lại.
notice-witness-afar-refused = Máy chủ không nhận lời mời: người thứ hai ký tại đây.
notice-witness-afar-forged = Một câu trả lời không có chữ ký của máy chủ đã bị bỏ qua. Vẫn đang chờ.
notice-witness-afar-not-known = Xe này không biết người đã trả lời: người thứ hai ký tại đây.
notice-witness-afar-not-permitted = Người đã trả lời không được kiểm tra kép: mời người khác.
notice-witness-afar-no-figure = Người trả lời không gửi con số tự tính: mời lại.
notice-witness-call-over = Lời mời này không còn: đồng nghiệp đã có người, hoặc đã thay đổi.
notice-witness-call-offline = Không có mạng: không gửi được câu trả lời. Gọi cho đồng nghiệp.
notice-witness-call-reason = Chọn lý do từ chối; với lý do này cần ghi rõ.
notice-witness-call-other-patient = Xe này không biết người bệnh đó hoặc ghi khác tên: không kiểm tra kép từ đây được.
notice-witness-fault-role = Vai trò của bạn không được kiểm tra kép.
notice-witness-fault-unlicensed = Chưa rõ chứng chỉ hành nghề của bạn: không được kiểm tra kép.
notice-witness-fault-off-shift = Bạn không trong ca: không được kiểm tra kép.
