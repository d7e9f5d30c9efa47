# Trợ giúp tại chỗ: trang này để làm gì, làm gì tiếp, các dấu nghĩa là gì, phím nào dùng được.
help = Trợ giúp
help-key = Trợ giúp cho trang này (phím ?)
help-title = Trợ giúp cho trang này
help-for = Trang này để làm gì
help-next = Làm gì tiếp theo
help-marks = Các dấu trên trang
help-keys = Phím dùng được
help-close = Đóng trợ giúp
help-failed = Chưa lấy được phần trợ giúp. Trang bên dưới không thay đổi; hãy thử lại.
help-chapter = Đọc trong tài liệu hướng dẫn: { $chapter }
help-guides = Tài liệu hướng dẫn
help-guides-text = Các tài liệu hướng dẫn theo công việc. Không có hình; bản có hình nằm trong tài liệu của phần mềm.
help-contents = Các chương
help-other-language = Tài liệu này chưa có tiếng của bạn nên được hiển thị bằng { $language }.
help-in-vi = tiếng Việt
help-in-en = tiếng Anh
help-in-fr = tiếng Pháp
help-key-help = mở phần trợ giúp này
help-key-escape = đóng phần trợ giúp hoặc trình đơn đang mở
help-key-tab = đến nút hoặc ô kế tiếp; Shift + Tab để quay lại
help-key-enter = bấm nút đang chọn
help-mark-overdue = giờ dùng đã qua và chưa ai ghi gì. Hãy hỏi tại giường trước khi kết luận: xe mất mạng có thể đã cho thuốc
help-mark-due = đã đến giờ, vẫn còn trong khoảng cho phép
help-mark-upcoming = chưa đến giờ
help-mark-given = đã có bản ghi là người bệnh đã dùng
help-mark-not-given = có bản ghi là không dùng, kèm lý do
help-mark-in-progress = dịch truyền đã bắt đầu và chưa kết thúc
help-mark-times-unknown = y lệnh chưa cho biết giờ dùng; cần bác sĩ làm rõ, hệ thống không đoán
help-mark-allergies-unknown = chưa ai hỏi dị ứng. Đây không phải là “không dị ứng”
help-mark-pending = dược sĩ chưa xem; xe sẽ báo khi cho thuốc
help-mark-verified = dược sĩ đã duyệt đúng phiên bản này
help-mark-queried = dược sĩ đang chờ bác sĩ trả lời
help-mark-rejected = dược sĩ từ chối, kèm lý do
help-mark-draft = chưa tính được liều hoặc giờ dùng từ y lệnh; bác sĩ phải sửa
help-mark-level-stop = tại giường sẽ không được thực hiện
help-mark-level-witness = tại giường cần người thứ hai
help-mark-level-reason = tại giường phải nêu lý do
help-mark-level-warn = tại giường phải đọc rồi chạm để tiếp tục
help-mark-online = xe đang trả lời
help-mark-silent = xe không trả lời; nó vẫn tự kiểm tra và ghi, rồi gửi sau
help-mark-unsent = bản ghi còn nằm trên xe. Đưa xe vào vùng có mạng, không xóa ổ đĩa
help-mark-battery-low = cần cắm sạc
help-mark-late = đã quá hạn trả lời
help-mark-as-of = trang tự làm mới; khi máy chủ không trả lời, một dòng đỏ cho biết trang không còn cập nhật
help-mark-sent = bệnh án điện tử đã nhận
help-mark-waits = đang gửi, sẽ tự thử lại
help-mark-parked = không tự gửi được nữa: cần người xử lý

help-start-for = Trang đầu dẫn đến công việc của vai trò bạn, kèm số việc đang chờ.
help-start-next =
    Chọn ô có con số: đó là việc chờ bạn.
    Các trang khác nằm ở trình đơn phía trên; trang ít dùng nằm ở “Thêm”.
help-sign-in-for = Đăng nhập để hệ thống biết ai làm gì. Mỗi người dùng tài khoản của chính mình.
help-sign-in-next =
    Nhập tên đăng nhập và mật khẩu. Nếu được hỏi, nhập mã trên điện thoại của bạn.
    Sai nhiều lần thì phải chờ. Quên mật khẩu: gặp người quản trị.
help-account-for = Tài khoản của bạn: mật khẩu, yếu tố thứ hai, mã dự phòng và các nơi đang đăng nhập.
help-account-next =
    Kết thúc những lần đăng nhập mà bạn không nhận ra.
    Giữ mã dự phòng ở nơi an toàn: mất điện thoại thì cần đến chúng.
help-pharmacy-for = Duyệt y lệnh trước khi thuốc đến người bệnh. Y lệnh gấp nhất đứng đầu.
help-pharmacy-next =
    Đọc người bệnh, dị ứng, cân nặng, chức năng thận, rồi cảnh báo của y lệnh.
    Duyệt, yêu cầu sửa, hoặc từ chối. Cảnh báo mức DỪNG thì phải ghi vì sao vẫn được dùng.
    Nếu y lệnh vừa thay đổi, trang yêu cầu xem lại trước.
help-together-for = Duyệt nhiều y lệnh của một khoa trong một lần. Chỉ gồm y lệnh không còn gì phải cân nhắc.
help-together-next =
    Xem từng dòng, bỏ chọn dòng nào muốn xem riêng.
    Đánh dấu là đã xem, rồi duyệt. Mỗi y lệnh vẫn được ghi riêng dưới tên bạn.
help-ward-for = Cả khoa theo giường: liều nào quá giờ, đến giờ, đã thực hiện.
help-ward-next =
    Giường có viền đỏ trước. Bấm tên người bệnh để xem y lệnh và diễn biến.
    Hỏi tại giường trước khi kết luận một liều bị bỏ sót.
help-radar-for = Những liều sắp hết giờ, giường chưa ai đến, và xe nào mất liên lạc.
help-radar-next =
    Đi từ dòng đầu: liều hết giờ sớm nhất đứng đầu.
    Xe mất liên lạc có thể đã cho thuốc: hỏi người đang giữ xe.
help-wall-for = Màn hình treo tường cho cả khoa: giường nào có liều sắp muộn. Màn hình chỉ để đọc.
help-wall-next =
    Có mã trên màn hình: điều dưỡng trưởng nhập mã đó ở “Bảng khoa › Màn hình treo tường”.
    Có dải vàng lớn: hình đã cũ, đừng dựa vào đó; xem bảng khoa trên máy khác.
help-wall-screens-for = Cho một màn hình treo tường vào khoa, hoặc ngắt nó.
help-wall-screens-next =
    Mở địa chỉ của màn hình trên máy treo tường, đọc mã, nhập mã vào đây.
    Màn hình mất hoặc chuyển chỗ: bấm kết thúc.
help-patients-for = Tìm người bệnh theo tên, mã hoặc giường.
help-patients-next =
    Gõ ít nhất vài chữ, rồi chọn đúng người: đối chiếu ngày sinh và mã.
    Mỗi lần mở hồ sơ đều được ghi vào nhật ký.
help-patient-for = Mọi điều về thuốc của một người bệnh: dị ứng, y lệnh, liều đã ghi, trị số đo.
help-patient-next =
    Đối chiếu tên, ngày sinh và mã ở đầu trang trước khi làm bất cứ việc gì.
    Ghi trị số, mở hồ sơ in, hoặc kê y lệnh nếu vai trò của bạn cho phép.
    Bản ghi sai không bị xóa: nó được đính chính, kèm lý do.
help-printed-for = Hồ sơ dùng thuốc của người bệnh để in và lưu.
help-printed-next =
    Chọn khoảng thời gian, rồi in hoặc lưu thành PDF từ trình duyệt.
    Bản in có giờ in: sau giờ đó hồ sơ có thể đã khác.
help-sheet-for = Phiếu của cả khoa dùng khi mất mạng: ai, thuốc gì, lúc nào.
help-sheet-next =
    In trước khi dừng hệ thống, và in lại khi y lệnh thay đổi.
    Ghi tay vào phiếu; khi có mạng lại, ghi bổ sung trên xe.
help-admission-for = Tiếp nhận người bệnh khi chưa có dữ liệu từ bệnh án: vào viện, vòng tay, người chưa rõ danh tính.
help-admission-next =
    Tìm trước khi thêm mới, để một người không có hai hồ sơ.
    In vòng tay, đeo ngay, rồi quét thử.
help-admit-for = Thêm một người bệnh mới vào khoa.
help-admit-next =
    Quét thẻ căn cước hoặc nhập tay; đọc lại tên và ngày sinh cho người bệnh nghe.
    Ghi dị ứng: chưa hỏi thì để “chưa rõ”, đừng ghi là không.
help-unknown-for = Tiếp nhận người chưa rõ danh tính, với một mã tạm và vòng tay.
help-unknown-next =
    Ghi những gì thấy được. Hệ thống đặt tên tạm, không trùng ai.
    Khi biết là ai: mở hồ sơ này và xác định danh tính.
help-identify-for = Gắn danh tính thật cho người được tiếp nhận với mã tạm.
help-identify-next =
    Đối chiếu giấy tờ hoặc người nhà, nhập dữ liệu, rồi in vòng tay mới.
    Nếu người đó đã có hồ sơ: dùng gộp hồ sơ.
help-newborn-for = Tạo hồ sơ cho trẻ sơ sinh từ hồ sơ của mẹ.
help-newborn-next =
    Sinh đôi trở lên: tạo từng trẻ, đúng thứ tự sinh.
    Cân trẻ và ghi cân nặng: liều của trẻ tính theo cân nặng này.
help-identity-for = Danh tính của một người bệnh: ảnh, vòng tay, giường, chuyển khoa, ra viện.
help-identity-next =
    Vòng tay mới làm vòng cũ mất hiệu lực: cắt bỏ vòng cũ.
    Chuyển giường ở đây thì xe thấy ngay.
help-merge-for = Gộp hai hồ sơ của cùng một người.
help-merge-next =
    So từng dòng hai bên. Chỉ gộp khi chắc chắn là một người.
    Gộp nhầm thì hoàn tác được; việc đó cũng được ghi lại.
help-prescriber-for = Việc chờ bác sĩ: câu hỏi của dược sĩ, liều không được dùng, y lệnh miệng cần xác nhận.
help-prescriber-next =
    Trả lời câu hỏi hoặc sửa y lệnh; phiên bản mới đi ngay đến dược sĩ và xe.
    Đánh dấu đã xem những liều không dùng.
help-transcription-for = Chép một y lệnh giấy hoặc y lệnh miệng. Bản chép là bản nháp đến khi người thứ hai đối chiếu.
help-transcription-next =
    Chọn bác sĩ ra y lệnh và giờ ra y lệnh; y lệnh miệng thì đọc lại trước.
    Nhờ đồng nghiệp đối chiếu: không ai tự đối chiếu bản mình chép.
help-compare-for = Các bản chép chờ người thứ hai đối chiếu với giấy.
help-compare-next =
    Cầm tờ giấy, so từng dòng: thuốc, liều, đường dùng, giờ.
    Khác một chỗ thì không xác nhận; ghi điều gì không đúng.
help-order-for = Kê hoặc sửa một y lệnh.
help-order-next =
    Viết liều bằng số và đơn vị: 2,5 mg hay 2.5 mg đều được; 1.000 và 1,000 thì không, vì có hai cách đọc.
    Đọc cảnh báo hiện ra trước khi lưu. Y lệnh chờ dược sĩ duyệt.
help-bedside-for = Những gì xe đã ghi bên cạnh liều thuốc: công khai thuốc, câu hỏi, bàn giao ca, phản vệ.
help-bedside-next =
    Chọn người bệnh hoặc một mục để xem toàn bộ theo thứ tự thời gian.
    Câu hỏi của người bệnh cần người trả lời.
help-bedside-note-for = Một mục đúng như xe đã ghi. Không ai sửa được nó.
help-bedside-note-next =
    Thuốc đã dùng nằm trong hồ sơ thuốc của người bệnh.
help-work-for = Mọi việc đang chờ một người trả lời, theo loại và hạn.
help-work-next =
    Việc trễ trước. Trả lời thì điều dưỡng thấy ngay trên xe.
    Liều quá giờ: khép lại với lý do sau khi đã hỏi tại giường.
help-review-for = Những gì cần người xem lại: vượt cảnh báo, sai lệch giữa xe và máy chủ, liều bị dừng.
help-review-next =
    Đọc xe thấy gì và máy chủ thấy gì; hỏi người ghi nếu cần.
    Giải quyết với lý do. Bản ghi tại giường không bị sửa.
help-rules-for = Mọi quy tắc mà một liều phải qua: nhìn vào đâu, thế nào thì đạt, nguồn nào.
help-rules-next =
    Tìm theo số quy tắc ghi cạnh mỗi cảnh báo.
help-replay-for = Một kết luận đã lưu được tính lại từ đúng dữ liệu lúc đó, đặt cạnh điều nó đã nói.
help-replay-next =
    Khác nhau thì dòng được đánh dấu: báo người phụ trách phần mềm.
help-bags-for = Túi dịch truyền và thuốc pha: cần pha, chờ truyền, đang truyền.
help-bags-next =
    Chọn y lệnh cần pha, hoặc quét mã của túi để tìm nó.
    Túi quá hạn dùng thì hủy; không truyền.
help-bag-for = Một túi: trong đó có gì, của ai, dùng trước khi nào.
help-bag-next =
    In nhãn và dán ngay lên túi này.
    Không tìm thấy túi thì báo mất: ai quét nó sau này sẽ bị dừng.
help-bag-form-for = Ghi việc pha một túi cho một y lệnh, rồi in nhãn.
help-bag-form-next =
    Ghi lô và hạn của từng thuốc, để khi thu hồi còn tìm được người bệnh.
    Kiểm tra y lệnh này đã có túi nào khác chưa.
help-controlled-for = Sổ thuốc kiểm soát đặc biệt: mỗi ngăn vào bao nhiêu, ra bao nhiêu, còn bao nhiêu.
help-controlled-next =
    Số lệch thì đếm lại cùng người thứ hai, rồi trả lời ở “Việc cần làm”.
    Nhập thuốc vào ngăn tại đây để số đếm có mốc.
help-recalls-for = Thu hồi thuốc: lô nào không được dùng nữa.
help-recalls-next =
    Nhập mã thuốc và số lô đúng như trên hộp. Mọi xe dừng lô đó.
    Mở một đợt để thấy ai đã dùng và ai sắp dùng.
help-recall-for = Một đợt thu hồi: ai đã nhận lô này, ai sắp đến giờ dùng, khoa nào đã để riêng.
help-recall-next =
    Báo bác sĩ của những người đã dùng. Xuất danh sách nếu cần.
help-emr-for = Bản ghi gửi sang bệnh án điện tử: đã nhận, đang chờ, bị giữ lại.
help-emr-next =
    Bị giữ lại: đọc lý do, sửa nguyên nhân, rồi gửi lại. Gửi lại không tạo bản thứ hai.
help-emergency-form-for = Mở hồ sơ ngoài phạm vi của bạn trong tình huống khẩn cấp.
help-emergency-form-next =
    Ghi lý do thật. Việc mở có giờ kết thúc và luôn được xem xét sau.
    Xong việc thì kết thúc ngay.
help-emergency-list-for = Những lần mở hồ sơ khẩn cấp chờ xem xét.
help-emergency-list-next =
    Đọc lý do và những gì đã xem, rồi kết luận có chính đáng hay không.
help-emergency-people-for = Ai mở hồ sơ khẩn cấp bao nhiêu lần; không có tên người bệnh.
help-emergency-people-next =
    Người mở nhiều hơn hẳn: hỏi xem quyền của họ có thiếu không.
help-ward-staff-for = Ai làm việc trong khoa, ai hỗ trợ ca này, ai vào bằng xe của khoa.
help-ward-staff-next =
    Thêm người hỗ trợ cho ca này; quyền tự hết khi hết ca.
    Người lạ trong danh sách: hỏi, rồi gỡ nếu cần.
help-ward-own-for = Những khoa của bạn, và nhận một khoa khi bạn được giao.
help-ward-own-next =
    Nhận khoa thì thấy người bệnh của khoa đó; việc nhận được ghi lại.
help-fleet-for = Mọi xe: đang trả lời hay không, pin, phần mềm, bản ghi chưa gửi.
help-fleet-next =
    Xe có bản ghi chưa gửi: đưa vào vùng có mạng. Không xóa ổ đĩa.
    Bấm tên xe để xem chi tiết.
help-cart-for = Một xe: trạng thái, dữ liệu nó đang giữ, nhật ký của nó có thiếu số nào không.
help-cart-next =
    Số bị thiếu nghĩa là có thể mất bản ghi: kiểm tra xe và phiếu giấy.
help-machines-for = Máy nào được vào hệ thống, và chứng thư của chúng.
help-machines-next =
    Đối chiếu mã trên xe với mã ở đây rồi mới nhận.
    Xe mất hoặc bán: thu hồi ngay.
help-phones-for = Điện thoại dùng thay xe: ghép và ngắt.
help-phones-next =
    Ghi tên, cho điện thoại quét mã trong mười phút, rồi ghép.
    Mất máy: ngắt ngay.
help-formulary-for = Danh mục thuốc mà mọi xe dùng để nhận biết mã vạch.
help-formulary-next =
    Tìm theo tên hoặc mã. Mở một thuốc để sửa hay thêm mã vạch.
help-product-for = Một thuốc: hàm lượng, đường dùng, nguy cơ, mã vạch, và lịch sử thay đổi.
help-product-next =
    Thêm mã vạch chỉ khi cầm hộp thuốc trên tay.
    Thay đổi đến xe với danh mục kế tiếp.
help-product-form-for = Sửa hoặc thêm một thuốc. Sai ở đây là sai ở mọi giường.
help-product-form-next =
    Hàm lượng viết bằng số và đơn vị, theo đúng một đơn vị thuốc.
    Nguy cơ cao và thuốc kiểm soát cần người thứ hai.
help-barcodes-for = Mã vạch đã làm dừng liều tại giường vì xe không nhận ra.
help-barcodes-next =
    Mã làm dừng nhiều liều nhất đứng đầu: mở nó trước.
help-barcode-for = Một mã vạch lạ: nó là thuốc nào, hay không phải thuốc của viện.
help-barcode-next =
    Cầm hộp thuốc, so tên, hàm lượng, dạng và đường dùng, rồi ghép.
    Thuốc nguy cơ cao: dược sĩ khác xác nhận.
help-policy-for = Chính sách của viện: các mức, khoảng giờ và quy tắc mà viện chọn.
help-policy-next =
    Xem 30 ngày qua trước khi đổi: liều nào lẽ ra khác.
    Một người soạn, người khác duyệt, rồi mới áp dụng.
help-policy-form-for = Soạn một phiên bản mới của chính sách.
help-policy-form-next =
    Mỗi giá trị cần nguồn. Lưu không làm gì thay đổi cho đến khi người khác duyệt.
help-import-for = Đưa dữ liệu từ tệp vào: người bệnh, nhân viên, thuốc, y lệnh.
help-import-next =
    Chọn tệp: hệ thống kiểm tra và cho xem trước, chưa ghi gì.
    Đọc các dòng lỗi, rồi xác nhận hoặc sửa tệp.
help-staff-for = Nhân viên, vai trò và thẻ của họ.
help-staff-next =
    Người nghỉ việc: ngừng tài khoản ngay trong ngày.
    Mất điện thoại: đặt lại yếu tố thứ hai sau khi nhận ra đúng người.
help-staff-form-for = Sửa hoặc thêm một nhân viên.
help-staff-form-next =
    Chỉ cho vai trò cần cho công việc. Mọi thay đổi được ghi vào nhật ký.
help-audit-for = Nhật ký: ai đã xem, đã đổi gì, lúc nào. Không ai sửa được nhật ký.
help-audit-next =
    Lọc theo người, người bệnh hoặc ngày. Kiểm tra niêm phong nếu nghi ngờ.
help-checkpoint-for = Niêm phong mới nhất của nhật ký, để giữ ở nơi khác.
help-checkpoint-next =
    In hoặc lưu ra ngoài hệ thống: sau này đối chiếu được là nhật ký chưa bị sửa.
help-rejected-for = Thông điệp mà máy chủ không nhận, kèm lý do.
help-rejected-next =
    Cùng một lý do lặp lại từ một xe: kiểm tra phần mềm và giờ của xe đó.
help-quality-for = Số liệu chất lượng của nhóm, không của người nào.
help-quality-next =
    Chọn khoa và thời gian. Dùng dấu hiệu làm tắt để hỏi công việc vướng ở đâu.
    Mở “Con số này được đếm thế nào?” trước khi kết luận.
help-fault-for = Trang này không mở được như yêu cầu. Không có gì bị thay đổi bởi việc đó.
help-fault-next =
    Đọc dòng nói phải làm gì, hoặc trở về trang đầu.
    Nếu bạn vừa gửi một biểu mẫu: mở lại trang và xem nó đã được ghi hay chưa.
help-guide-for = Tài liệu hướng dẫn theo công việc.
help-guide-next =
    Chọn chương trong danh sách. Chữ đậm là chữ trên màn hình.
help-labels-for = Nhãn do khoa in cho từng đơn vị thuốc: đợt nào đã in, còn dùng được, hay đã rút.
help-labels-next =
    Tìm bằng mã trên nhãn, hoặc mở một đợt.
    Nhãn in nhầm: rút lại ngay. Xe dừng nhãn đã rút, kể cả khi mất mạng.
help-label-form-for = In nhãn cho từng đơn vị thuốc, để tại giường quét được.
help-label-form-next =
    Ghi đúng thuốc, lô, hạn dùng và số nhãn như trên hộp đang cầm.
    Người thứ hai kiểm tra trước khi nhãn được dùng, nếu trang yêu cầu.
help-label-for = Một đợt nhãn: của thuốc nào, bao nhiêu nhãn, ai in, ai kiểm tra.
help-label-next =
    In hoặc tải tệp, dán từng nhãn lên đúng đơn vị thuốc, rồi hủy nhãn thừa.
    Hỏng hoặc thừa: ghi lại ở đây để không ai dùng sau này.
