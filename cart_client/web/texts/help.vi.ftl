# Trợ giúp tại chỗ trên xe: màn hình này xin gì, chữ và dấu nghĩa là gì, phím nào dùng được.
help-key = Trợ giúp cho màn hình này (phím ?)
help-title = Trợ giúp
help-close = Đóng
help-failed = Chưa lấy được phần trợ giúp. Màn hình không thay đổi; hãy thử lại.
help-for = Màn hình này để làm gì
help-next = Làm gì tiếp theo
help-marks = Các dấu trên màn hình
help-keys = Phím dùng được
help-chapter = Đọc tiếp: { $chapter }
help-back = Trở lại
help-other-language = Tài liệu này chưa có tiếng của bạn.
help-phone = Bạn đang dùng điện thoại: quét bằng camera của máy. Mất mạng thì chưa có gì được ghi.
help-key-help = mở phần trợ giúp này
help-key-escape = đóng trợ giúp; khi không có trợ giúp: xóa mã PIN đang gõ, đóng phần đang mở
help-key-tab = đến nút hoặc ô kế tiếp
help-key-enter = bấm nút đang chọn
help-mark-overdue = giờ dùng đã qua và chưa ai ghi gì
help-mark-due = đã đến giờ, còn trong khoảng cho phép
help-mark-waiting = đã báo khoa Dược, đang chờ thuốc
help-mark-upcoming = chưa đến giờ
help-mark-given = đã ghi là người bệnh đã dùng
help-mark-not-given = đã ghi là không dùng, có lý do
help-mark-in-progress = dịch đang truyền
help-mark-on-demand = chỉ dùng khi người bệnh cần
help-mark-open = đã kiểm tra nhưng chưa ai trả lời là đã dùng hay chưa: hãy trả lời trước
help-mark-unknown = y lệnh chưa rõ giờ; hỏi bác sĩ, xe không đoán
help-tick-here = bản ghi đã nằm chắc trên xe, mất điện cũng còn
help-tick-server = máy chủ đã giữ bản ghi
help-tick-emr = bệnh án điện tử đã nhận
help-idle-for = Xe chờ bạn đăng nhập. Không có tên người bệnh nào trên màn hình này.
help-idle-next =
    Đưa thẻ nhân viên trước camera cho đến khi có khung vàng.
    Thẻ không đọc được: mở “Thẻ không đọc được” và nhập số thẻ.
help-badge-for = Đã đọc thẻ của bạn. Mã PIN cho biết đúng là bạn.
help-badge-next =
    Gõ mã PIN rồi bấm OK. Esc xóa mã đang gõ.
    Không phải thẻ của bạn: bấm Hủy.
help-round-for = Người bệnh theo giường và thuốc của họ trong khoảng giờ này.
help-round-next =
    Đến giường có việc gấp nhất và quét vòng tay người bệnh.
    Chạm vào một giường chỉ để xem; muốn cho thuốc phải quét vòng tay.
    Liều CHƯA XÁC NHẬN: trả lời trước khi làm việc khác.
help-look-for = Bạn đang xem một người bệnh mà chưa quét vòng tay. Ở đây không ghi được gì.
help-look-next =
    Quét vòng tay của người này để bắt đầu.
    “Danh sách” để trở về.
help-patient-for = Người bệnh đã mở bằng vòng tay. Đây là y lệnh của người này.
help-patient-next =
    Đọc tên, ngày sinh, dị ứng và hỏi lại người bệnh.
    Quét mã từng đơn vị thuốc.
    Không cho được thuốc: ở y lệnh đó chọn “Không thực hiện” và lý do.
help-drug-for = Thuốc này chưa kiểm tra được, nên chưa được phép cho.
help-drug-next =
    Bấm “Làm lại” và quét lại. Vẫn vậy thì không cho thuốc; gọi hỗ trợ.
help-concluded-for = Việc vừa rồi đã được ghi. Ba dấu cho biết bản ghi đã đến đâu.
help-concluded-next =
    Có dấu thứ nhất là đủ: bạn làm tiếp được, kể cả khi mất mạng.
    Quét thuốc kế tiếp, hoặc vòng tay của người khác.
    Ghi nhầm: mở “Đính chính mục ghi nhầm”.
help-act-for = Bạn sắp ghi một việc về liều đã có: dừng, tạm dừng, gỡ, hoặc đính chính.
help-act-next =
    Làm việc đó tại giường, rồi bấm xác nhận.
    Nếu không làm: bấm nút nói là chưa làm; không có gì được ghi.
help-pass-for = Mọi điều đã khớp: được cho thuốc này, cho người này, lúc này.
help-pass-next =
    Cho người bệnh dùng và chứng kiến. Sau đó mới bấm XÁC NHẬN.
    Người bệnh không dùng: chọn “Không thực hiện” và lý do.
help-stop-for = Không được cho thuốc này lúc này. Không ai vượt được điều này tại giường.
help-stop-next =
    Để thuốc lại. Đọc dòng có mũi tên →: nó nói điều gì phải đổi.
    Không rõ thì hỏi dược sĩ hoặc bác sĩ. Đóng trợ giúp không đổi kết luận này.
help-changed-for = Có điều thay đổi sau khi đã kiểm tra, và kết luận bây giờ là DỪNG.
help-changed-next =
    Chưa cho dùng: để thuốc lại.
    Nếu người bệnh đã dùng rồi: trả lời đúng như vậy trên màn hình này.
help-warn-for = Được cho, nhưng có điều bạn phải đọc trước.
help-warn-next =
    Đọc hết, rồi bấm “Đã đọc – tiếp tục” hoặc để thuốc lại.
help-reason-for = Có điều không như y lệnh hay thường lệ. Nếu vẫn cho thì phải có lý do.
help-reason-next =
    Đọc điều xe thấy. Sửa được thì sửa.
    Vẫn cho: chọn lý do thật. Dược sĩ sẽ xem lại.
help-witness-for = Thuốc này cần người thứ hai kiểm tra độc lập.
help-witness-next =
    Người thứ hai đưa thẻ của mình và tự nhập PIN. Không dùng thẻ thay nhau.
    Chưa có ai: để thuốc lại.
help-choose-for = Thuốc này hợp với nhiều y lệnh. Xe không đoán.
help-choose-next =
    Chọn đúng y lệnh và đúng giờ mà bạn đang thực hiện.
help-more-for = Liều này cần thêm đơn vị thuốc.
help-more-next =
    Quét đơn vị kế tiếp; mỗi đơn vị một lần quét.
    Chỉ cho một phần: mở “Chỉ dùng một phần” và nêu lý do.
help-amount-for = Xe cần biết lượng thật sự người bệnh nhận.
help-amount-next =
    Nhập số và đơn vị: 2,5 mg và 2.5 mg đều được. 1.000 hay 1,000 thì không: có hai cách đọc.
    Phần bỏ đi cũng ghi, và có người chứng kiến nếu được hỏi.
help-measure-for = Phải đo một trị số trước khi cho thuốc này.
help-measure-next =
    Đo ngay, nhập số đo được. Xe kiểm tra lại với số đó.
    Không đo được: nêu lý do.
help-rate-for = Xe cần biết tốc độ bạn đã đặt, để so với y lệnh.
help-rate-next =
    Đếm giọt: nhập số giọt mỗi phút và chọn dây. Máy bơm: nhập tốc độ trên máy.
    Đọc tốc độ từ máy, không từ y lệnh.
help-blind-for = Người thứ hai tự tính con số, không nhìn kết quả của người thứ nhất.
help-blind-next =
    Tính từ y lệnh và nhãn thuốc, rồi nhập số và đơn vị.
    Hai số khác nhau: cùng tính lại từ đầu.
help-count-for = Trước khi lấy thuốc kiểm soát, đếm số còn trong ngăn.
help-count-next =
    Đếm thật, rồi nhập. Đừng nhập số bạn nghĩ là đúng.
    Không đếm được: chọn lý do.
help-care-drugs-for = Công khai thuốc: cho người bệnh hoặc người nhà xem thuốc trong ngày.
help-care-drugs-next =
    Đưa màn hình cho xem, giải thích, rồi ghi câu trả lời.
    Có câu hỏi: ghi lại, chọn người sẽ trả lời.
help-care-vitals-for = Ghi dấu hiệu sinh tồn vừa đo.
help-care-vitals-next =
    Nhập những gì đã đo, bỏ trống những gì chưa đo.
    Trị số lạ thì xe hỏi lại: đo lại rồi mới đánh dấu.
help-care-late-for = Ghi một liều đã cho từ trước, khi chưa ghi được lúc đó.
help-care-late-next =
    Chọn liều, giờ thật sự đã cho, lượng và lý do ghi muộn.
    Xe không chặn việc đã xảy ra; nó cho biết điều cần biết.
help-care-handover-for = Bàn giao ca: điều gì còn mở ở từng giường.
help-care-handover-next =
    Đọc cùng nhau, trả lời các liều còn mở, rồi bàn giao hoặc nhận.
help-care-emergencies-for = Bắt đầu ghi một ca phản vệ, hoặc mở ca đang diễn ra.
help-care-emergencies-next =
    Xử trí người bệnh trước. Chạm đúng giường để bắt đầu đồng hồ.
help-care-anaphylaxis-for = Ghi diễn biến phản vệ theo từng chạm, với giờ đúng.
help-care-anaphylaxis-next =
    Xử trí trước, ghi sau. Mỗi bước một chạm.
    Đồng hồ cho biết liều adrenaline và lần đo huyết áp gần nhất.
    Xong thì kết thúc và ghi kết quả.
help-witness-call-for = Một điều dưỡng ở xe khác cần bạn kiểm tra độc lập.
help-witness-call-next =
    Đăng nhập bằng thẻ và PIN của chính bạn, rồi tự đối chiếu y lệnh với thuốc.
    Không chắc chắn thì từ chối và nêu lý do. Đóng trang này không phải là đồng ý.
help-care-skin-for = Ghi kết quả test da đọc được, trước liều đầu của thuốc mà viện quy định phải test.
help-care-skin-next =
    Chọn thuốc, giờ đã làm test, rồi kết quả đọc bây giờ.
    Dương tính: không cho thuốc này, báo bác sĩ. Nghi ngờ: hỏi bác sĩ trước.
