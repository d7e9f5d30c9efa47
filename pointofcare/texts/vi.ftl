# Từ ngữ lâm sàng: mức, phát hiện, cách xử trí, lý do, đường dùng, trạng thái.

level-PASS = Được thực hiện
level-NOTE = Lưu ý
level-WARN = Cảnh báo
level-REASON = Bắt buộc ghi lý do
level-WITNESS = Cần kiểm tra kép
level-STOP = DỪNG – không được thực hiện
satisfied = đã đáp ứng

finding-broken = Không kiểm tra được quy tắc { $rule }.
finding-E1 = Không thực hiện được kiểm tra an toàn.
finding-P1 = { $cause ->
    [none-scanned] Chưa quét vòng tay người bệnh.
    [unreadable] Không đọc được vòng tay.
    [ambiguous] Vòng tay { $scanned } trùng với nhiều người bệnh.
    [second-missing] Thiếu thông tin định danh thứ hai.
    [second-differs] Hai thông tin định danh không cùng một người bệnh.
    [status] Không rõ người bệnh có đang điều trị nội trú hay không.
   *[unknown] Vòng tay { $scanned } không thuộc người bệnh nào ở đây.
 }
finding-P2 = { $scanned } là số giường hoặc phòng, không phải mã người bệnh.
finding-P3 = { $cause ->
    [revoked] Vòng tay này đã được thay bằng vòng mới.
    [no-instance] Vòng tay không có số bản in riêng, không phân biệt được với bản sao.
   *[unknown-instance] Bản in số { $instance } của vòng tay này không có trong hệ thống.
 }
finding-P4 = SAI NGƯỜI BỆNH: đã quét { $scanned }, y lệnh của { $ordered }.
finding-P5 = { $cause ->
    [lapsed] Quá lâu không quét ({ $minutes }); phiên của người bệnh đã đóng.
   *[drug-first] Đã quét thuốc trước khi quét vòng tay.
 }
finding-P6 = { $cause ->
    [second-missing] Nhập tay người bệnh cần thông tin định danh thứ hai.
    [second-differs] Các thông tin định danh nhập tay không khớp.
   *[typed] Người bệnh được nhập tay, không quét.
 }
finding-P7 = { $status ->
    [discharged] Người bệnh đã ra viện.
    [deceased] Người bệnh đã được ghi nhận tử vong.
    [transferred] Người bệnh đã chuyển khoa { $hours } giờ trước.
   *[unknown] Không rõ người bệnh có còn ở đây hay không.
 }
finding-P8 = { $cause ->
    [nobody] Chưa có ai đăng nhập.
    [student] Học viên không được thực hiện một mình.
    [role] Vai trò này không được dùng thuốc cho người bệnh.
    [unlicensed] Người này chưa có chứng chỉ hành nghề.
   *[unknown] Không rõ vai trò hoặc chứng chỉ hành nghề của người này.
 }
finding-G5 = { $cause ->
    [unreadable] Không đọc được mã thuốc.
    [typed] Thuốc được nhập tay, không quét.
   *[unknown] Mã { $barcode } không có trong danh mục thuốc của bệnh viện.
 }
finding-D1 = { $cause ->
    [no-such-order] Không có y lệnh { $ordered }.
    [unknown-product] Thuốc đã quét ({ $scanned }) không khớp y lệnh nào.
    [nothing-scanned] Chưa quét thuốc.
    [other-bag] SAI TÚI: { $scanned } không dùng cho { $ordered }.
    [emergency] THUỐC CẤP CỨU, KHÔNG CÓ Y LỆNH: { $scanned }.
   *[not-ordered] SAI THUỐC: { $scanned } không có trong y lệnh{ $ordered ->
        [none] { "" }
       *[other] ; y lệnh là { $ordered }
    }.
 }
finding-D2 = { $status ->
    [ended] Y lệnh đã hết hiệu lực lúc { $end }.
    [stopped] Y lệnh đã ngừng.
    [completed] Y lệnh đã hoàn thành.
    [cancelled] Y lệnh đã hủy.
    [draft] Y lệnh mới là bản nháp.
   *[unknown] Không rõ y lệnh còn hiệu lực hay không.
 }
finding-D3 = Y lệnh chỉ bắt đầu lúc { $start }.
finding-D4 = Bác sĩ đang tạm ngừng y lệnh này.
finding-D5 = { $cause ->
    [version] Màn hình hiện y lệnh bản { $shown }; bản hiện tại là { $current }.
    [no-such-dose] Y lệnh không có liều lúc { $at }.
    [not-done] Liều này đã được ghi là không thực hiện ({ $at }).
    [stopped] Liều này đã dùng một phần ({ $at }).
   *[completed] Liều này đã thực hiện lúc { $at }.
 }
finding-D6 = Y lệnh chưa được dược sĩ duyệt.
finding-D7 = Thuốc nhìn giống, đọc giống (LASA): { $name }. Tránh nhầm với { $others }.
finding-D8 = Có nhiều y lệnh khớp với thuốc này: { $orders }.
finding-D9 = { $cause ->
    [stated] SAI ĐƯỜNG DÙNG: đã chọn { $route }, y lệnh là { $allowed }.
    [vinca] Alcaloid vinca phải pha trong túi nhỏ (minibag).
    [unknown] Y lệnh không ghi đường dùng.
   *[product] SAI ĐƯỜNG DÙNG: thuốc này không dùng đường { $route }; chỉ dùng { $allowed }.
 }
finding-D10 = { $cause ->
    [lifted] Người bệnh dị ứng với { $substance }; bác sĩ vẫn cho dùng và đã ghi lý do.
    [allergy] DỊ ỨNG: người bệnh dị ứng với { $substance }.
   *[unknown] Không đọc được tiền sử dị ứng.
 }
finding-D11 = Liên quan đến dị ứng đã biết: { $substance } ({ $class }).
finding-D12 = { $severity ->
    [allergy] Dị ứng { $other }
   *[other] Tương tác { $other } ({ $severity })
 } đã được chấp nhận khi ra y lệnh{ $prescriber ->
    [none] { "" }
   *[other] { " " }bởi { $prescriber }
 }; lý do: { $reason }.
finding-D13 = { $cause ->
    [other-patient] SAI NGƯỜI BỆNH: { $name } là thuốc riêng của { $owner }.
    [not-ordered] { $name } là thuốc người bệnh tự mang; y lệnh không ghi dùng thuốc tự mang.
   *[hospital-stock] Y lệnh ghi dùng thuốc người bệnh tự mang; { $name } là thuốc của bệnh viện.
 }
finding-D14 = Y lệnh chưa rõ, không thực hiện bằng quét mã được: { $unclear }.
finding-D15 = { $cause ->
    [patient] Có hai hồ sơ khác nhau cho cùng một người bệnh ({ $what }).
    [versions] Y lệnh { $what } có nhiều bản cùng hiệu lực.
    [future] Y lệnh { $what } có lần thực hiện ghi ở tương lai ({ $at }).
   *[before-start] Y lệnh { $what } có lần thực hiện trước khi y lệnh bắt đầu ({ $at }).
 }
finding-Q1 = { $cause ->
    [no-dose] Y lệnh không ghi liều.
    [no-strength] Không rõ hàm lượng của thuốc.
    [combination] Không rõ liều { $ordered } tính theo hoạt chất nào.
   *[units] Không so sánh được đơn vị của y lệnh ({ $ordered }) với đơn vị của thuốc.
 }
finding-Q2 = SAI LIỀU: { $given }, y lệnh { $ordered }.
finding-Q3 = { $cause ->
    [multi-dose] Lọ đa liều: chưa ghi lượng đã rút.
    [scanned-twice] Cùng một đơn vị thuốc đã quét hai lần.
   *[one-for-several] Một lần quét dùng cho nhiều đơn vị thuốc.
 }
finding-Q4 = Không được chia nhỏ { $name }.
finding-Q5 = Chỉ dùng { $given } trong { $ordered }.
finding-Q6 = { $cause ->
    [over] { $total } { $ingredient } trong 24 giờ; tối đa { $limit }.
   *[unknown] Không rõ đã dùng bao nhiêu { $ingredient } trong 24 giờ.
 }
finding-N3 = { $cause ->
    [over] { $total } { $ingredient } trong 24 giờ; y lệnh cho phép { $limit }.
   *[unknown] Không rõ đã dùng bao nhiêu { $ingredient } trong 24 giờ.
 }
finding-Q7 = { $cause ->
    [old] Cân nặng đã đo { $days } ngày trước.
   *[unknown] Liều tính theo cân nặng nhưng chưa có cân nặng.
 }
finding-D16 = { $cause ->
    [positive] TEST DA DƯƠNG TÍNH với { $drug } ({ $at }).
    [doubtful] Test da { $drug } lúc { $at } nghi ngờ.
    [stale] Test da { $drug } lúc { $at } đã { $hours } giờ: hết giá trị.
   *[missing] Liều đầu { $drug }: chưa có kết quả test da.
 }
finding-T1 = { $cause ->
    [early] Sớm { $minutes }; giờ y lệnh { $due }.
    [late] Quá giờ { $minutes }; giờ y lệnh { $due }.
    [timezone] Không rõ múi giờ của khoa nên không rõ giờ y lệnh.
   *[schedule] Không rõ giờ y lệnh của liều này.
 }
finding-T2 = Đã thực hiện liều sau (giờ y lệnh { $given }); liều này có giờ y lệnh { $due }.
finding-T3 = { $status ->
    [not-done] Thuốc này đã được ghi là không thực hiện { $minutes } trước.
    [unconfirmed] Thuốc này đã được kiểm tra { $minutes } trước và chưa ai xác nhận: chưa rõ người bệnh đã dùng chưa.
   *[completed] Thuốc này đã dùng { $minutes } trước.
 }
finding-T4 = Chỉ còn { $minutes } đến liều kế tiếp ({ $next }).
finding-T6 = { $cause ->
    [unknown] Không rõ đồng hồ của xe tiêm có đúng hay không.
   *[off] Đồng hồ của xe tiêm lệch { $seconds } giây.
 }
finding-N1 = { $cause ->
    [missing] Thuốc dùng khi cần phải có lý do dùng.
    [scheduled] Thuốc dùng khi cần không có giờ y lệnh.
   *[other] "{ $reason }" không phải lý do trong y lệnh.
 }
finding-N2 = Liều trước cách đây { $minutes }; khoảng cách tối thiểu { $interval }.
finding-N4 = { $cause ->
    [overdue] Chưa ghi hiệu quả của liều lúc { $at } ({ $minutes } trước).
    [not-as-needed] Lần thực hiện lúc { $at } không phải thuốc dùng khi cần.
    [no-effect] Chưa ghi hiệu quả của liều lúc { $at }.
   *[unknown] Không có lần dùng thuốc khi cần nào như vậy trong hồ sơ người bệnh này.
 }
finding-H1 = { $cause ->
    [missing] Chưa đo { $observation }.
    [stale] { $observation } ({ $value }) đo cách đây { $minutes }, đã quá cũ.
    [below] { $observation } là { $value }, dưới { $limit }.
    [above] { $observation } là { $value }, trên { $limit }.
   *[unit] { $observation } ({ $value }) có đơn vị không so sánh được.
 }
finding-H2 = { $cause ->
    [recommended] Thuốc nguy cơ cao { $name }: nên kiểm tra kép.
    [order] Y lệnh yêu cầu kiểm tra kép { $name }.
   *[required] THUỐC NGUY CƠ CAO { $name }: bắt buộc kiểm tra kép.
 }
finding-H3 = { $cause ->
    [same-person] Người chứng kiến phải là người khác.
    [role] Vai trò của người này không được làm chứng.
    [unlicensed] Người chứng kiến chưa rõ có chứng chỉ hành nghề.
   *[off-shift] Người chứng kiến chưa rõ có đang trong ca trực.
 }
finding-H5 = { $blind ->
    [none] Người thứ hai chưa tự tính lại { $dose }.
   *[other] Người thứ hai tính ra { $blind }; giá trị đối chiếu { $dose }.
 }
finding-H6 = { $cause ->
    [machine] Chế phẩm máu { $name }: vòng tay và chế phẩm đều đã đọc bằng máy.
   *[by-eye] CHẾ PHẨM MÁU { $name }: phải có hai người kiểm tra.
 }
finding-G1 = { $cause ->
    [unreadable] Hạn dùng trong mã không hợp lệ.
    [none] Mã không có hạn dùng.
    [timezone] Có thể đã hết hạn ({ $expiry }): không rõ múi giờ của khoa.
    [far] Hạn dùng trong mã còn quá 15 năm ({ $expiry }): đối chiếu với hạn in trên bao bì.
   *[expired] HẾT HẠN DÙNG: { $expiry }.
 }
finding-G2 = THUỐC BỊ THU HỒI: số lô { $lot }.
finding-G3 = Mở lúc { $opened }; chỉ dùng được đến { $until }.
finding-G4 = { $serial ->
    [none] Số sê-ri trong mã không hợp lệ.
   *[other] Hộp thuốc số sê-ri { $serial } đã được ghi trước đó ({ $at }).
 }
finding-G6 = { $cause ->
    [unreadable] Số lô trong mã không hợp lệ.
    [recalls] Mã không có số lô, trong khi có lô { $name } bị thu hồi.
   *[none] Mã không có số lô.
 }
finding-G7 = { $cause ->
    [void] Nhãn liều đơn số { $serial } ĐÃ BỊ HỦY hoặc đã in lại: không dùng thuốc mang nhãn này.
    [other-patient] Nhãn liều đơn số { $serial } được in cho NGƯỜI BỆNH KHÁC.
    [differs] Nội dung nhãn liều đơn số { $serial } không khớp với nhãn dược đã in.
    [check] Số nhãn liều đơn { $serial } sai ký tự kiểm tra.
   *[unknown] Dược không phát hành nhãn liều đơn số { $serial }.
 }
finding-I1 = Không có túi truyền nào mang số { $barcode }.
finding-I2 = { $state ->
    [none-running] Không có dịch truyền nào của y lệnh này đang chạy.
    [several-running] Có nhiều dịch truyền của y lệnh này đang chạy.
   *[other] Túi { $bag } đang ở trạng thái { $state }.
 }
finding-I3 = { $cause ->
    [rate] Tốc độ truyền đã đổi: nhãn ghi { $printed }, y lệnh { $ordered }.
    [volume] Thể tích đã đổi: nhãn ghi { $printed }, y lệnh { $ordered }.
    [additives] Thuốc pha thêm đã đổi: nhãn ghi { $printed }, y lệnh { $ordered }.
   *[version] Nhãn in cho y lệnh bản { $printed }; bản hiện tại là { $ordered }.
 }
finding-I4 = Một túi khác của y lệnh này đang truyền: { $bag }.
finding-I5 = { $cause ->
    [missing] Chưa ghi tốc độ truyền đã đặt.
    [not-ordered] Y lệnh không ghi tốc độ truyền rõ ràng; đã đặt { $set }.
    [units] Không so sánh được tốc độ { $set } với y lệnh { $ordered }.
    [concentration] Không rõ nồng độ của túi, không so sánh được { $set } với y lệnh { $ordered }.
    [weight] Chưa có cân nặng, không so sánh được { $set } với y lệnh { $ordered }.
    [drop-factor] Chưa ghi số giọt/ml của bộ dây truyền; đã đặt { $set }.
    [tenfold] SAI TỐC ĐỘ GẤP MƯỜI LẦN: { $set }, y lệnh { $ordered }.
    [above] SAI TỐC ĐỘ: { $set }, nhanh hơn y lệnh { $ordered }.
   *[below] SAI TỐC ĐỘ: { $set }, chậm hơn y lệnh { $ordered }.
 }
finding-I6 = { $cause ->
    [drug] BƠM TRUYỀN { $pump } đang đặt cho { $reported }, y lệnh là { $ordered }.
    [rate] BƠM TRUYỀN { $pump } đang chạy { $reported }, phải là { $ordered }.
    [concentration] BƠM TRUYỀN { $pump } đặt nồng độ { $reported }, túi có { $ordered }.
    [concentration-unknown] Bơm truyền { $pump } đặt nồng độ { $reported }; không rõ nồng độ của túi.
    [bag] Bơm truyền { $pump } vẫn gắn với túi { $reported }, không phải { $ordered }.
    [patient] Bơm truyền { $pump } gắn với người bệnh { $reported }, không phải { $ordered }.
   *[stale] Bơm truyền { $pump } gắn với túi { $ordered } đã quá lâu ({ $reported }).
 }
finding-I7 = { $cause ->
    [over] Túi { $bag } treo từ { $started }; chỉ được treo đến { $until }.
   *[unknown] Không rõ túi { $bag } treo từ lúc nào.
 }
finding-S1 = Liều không thực hiện phải có lý do.
finding-S2 = { $cause ->
    [already] Lần ghi lúc { $at } đã được hủy rồi.
    [giver] Chỉ người đã thực hiện ({ $giver }) hoặc điều dưỡng trưởng được đính chính lần ghi lúc { $at }.
    [reason] Đính chính lần ghi lúc { $at } phải có lý do.
    [patch] Đang dán miếng khác (lúc { $at }); không hủy được việc gỡ.
   *[unknown] Không có lần ghi { $record } trong hồ sơ người bệnh này.
 }
finding-S3 = Y lệnh dùng một lần này đã thực hiện lúc { $at }.
finding-S4 = { $cause ->
    [early] Chưa đến giờ gỡ miếng dán (lúc { $at }).
    [late] Đã quá giờ gỡ miếng dán (lúc { $at }).
    [none-on] Không có miếng dán nào đang dùng trong hồ sơ.
   *[still-on] Miếng dán trước (dán lúc { $at }) chưa được gỡ.
 }
finding-S6 = { $cause ->
    [future] Giờ thực hiện ở tương lai.
   *[late] Ghi sau khi thực hiện { $minutes }.
 }
finding-C1 = { $cause ->
    [unknown] Không tính được lượng thuốc kiểm soát đặc biệt đã đi đâu.
   *[differs] THUỐC KIỂM SOÁT ĐẶC BIỆT, LỆCH SỐ LƯỢNG: lấy { $taken }, giải trình được { $accounted }.
 }
finding-C2 = Hủy { $waste } { $name }: bắt buộc có người chứng kiến.
finding-O1 = { $cause ->
    [unknown] Mất kết nối, không rõ y lệnh đã cũ bao lâu.
   *[old] Mất kết nối; dữ liệu y lệnh đã cũ { $minutes }.
 }
finding-O2 = { $lease ->
    [doubt] Một xe đã ở bên người bệnh này chưa báo lại: có thể xe đó đã cho liều này.
    [pending] Xe này chưa nhận được người bệnh: hồ sơ mới nhất đang được gửi tới.
    [other-cart] Một xe tiêm khác đang phục vụ người bệnh này và có thể đã thực hiện liều này.
   *[none] Mất kết nối: một xe tiêm khác có thể đã thực hiện liều này.
 }
finding-O3 = Mất kết nối: { $name } cần kiểm tra kép.

remedy-account-for = Giải trình { $missing }.
remedy-acknowledge = Bác sĩ phải xác nhận trong { $hours } giờ; việc cấp cứu được ghi lại.
remedy-ask-cart-in-doubt = Hỏi { $nurse ->
    [none] điều dưỡng ở xe { $cart }
   *[named] { $nurse } (xe { $cart })
 } xem liều đã được cho chưa, hoặc chờ xe đó báo lại{ $since ->
    [none] {""}
   *[known] {" "}(im lặng từ { $since })
 }.
remedy-ask-charge-nurse = Nhờ điều dưỡng trưởng.
remedy-ask-other-cart = Hỏi điều dưỡng ở xe tiêm kia.
remedy-ask-pharmacist = Hỏi dược sĩ.
remedy-ask-prescriber = Hỏi lại bác sĩ.
remedy-assess-effect = Ghi hiệu quả của liều lúc { $at }.
remedy-associate-again = Gắn lại bơm truyền { $pump } với người bệnh và túi này.
remedy-calculate-again = Hai người tính lại, mỗi người tính riêng.
remedy-calculate-alone = Người thứ hai tự tính và nhập kết quả của mình.
remedy-check-identity = Kiểm tra định danh người bệnh, rồi quét vòng tay.
remedy-check-schedule = Hỏi lại giờ y lệnh của liều này.
remedy-check-status = Kiểm tra trong hồ sơ người bệnh { $patient } đang ở đâu.
remedy-check-ward = Bảo đảm khoa mới không thực hiện trùng.
remedy-choose-due = Chọn một liều của y lệnh.
remedy-choose-order = Chọn y lệnh: { $orders }.
remedy-choose-record = Chọn đúng lần ghi trong hồ sơ.
remedy-clarify-order = Hỏi lại bác sĩ: { $unclear }.
remedy-compare-groups = Đối chiếu nhóm máu và số chế phẩm với người bệnh.
remedy-compare-names = So từng chữ: { $name } / { $others }.
remedy-correct-record = Kiểm tra và đính chính hồ sơ của y lệnh { $what }.
remedy-correct-time = Sửa giờ thực hiện.
remedy-decide-rest = Quyết định về phần còn lại ({ $rest }) cùng bác sĩ.
remedy-earliest = Sớm nhất lúc { $at }.
remedy-fetch-other-witness = Mời người khác có chứng chỉ, đang trong ca trực.
remedy-fetch-witness = Mời người thứ hai kiểm tra kép.
remedy-give-amount = Dùng { $amount }, hoặc ghi lý do.
remedy-give-now = Thực hiện ngay; độ trễ được ghi lại.
remedy-give-prn-reason = Chọn lý do dùng: { $reasons }.
remedy-give-reason = Ghi lý do.
remedy-give-second-identifier = Nhập ngày sinh do người bệnh tự nói.
remedy-hang-new-bag = Thay túi { $bag } bằng túi mới.
remedy-measure-now = Đo ngay: { $observation }.
remedy-name-amounts = Ghi lượng đã dùng, đã hủy và đã trả.
remedy-name-drawn-amount = Ghi lượng đã rút.
remedy-name-drop-factor = Ghi số giọt/ml in trên bộ dây truyền.
remedy-name-rate = Ghi tốc độ đã đặt.
remedy-print-band = In vòng tay mới cho { $patient }.
remedy-quarantine = Để riêng lô { $lot } và báo khoa dược.
remedy-re-time = Hỏi có cần dời liều kế tiếp ({ $next }) hay không.
remedy-read-allergies = Hỏi tiền sử dị ứng và nhập vào hồ sơ.
remedy-read-expiry = Đọc hạn dùng trên bao bì.
remedy-read-label = So nhãn với y lệnh.
remedy-read-lot = Đọc số lô trên bao bì.
remedy-reconnect = Đưa xe đến nơi có kết nối, hoặc ghi lý do.
remedy-refresh = Tải lại y lệnh.
remedy-remove-patch = Gỡ miếng dán lúc { $at } và ghi lại.
remedy-say-effect = Ghi hiệu quả của thuốc.
remedy-say-part = Ghi lượng sẽ dùng: { $amount }.
remedy-scan-again = Quét lại, hoặc lấy hộp khác.
remedy-scan-band = Quét vòng tay trên người bệnh.
remedy-scan-band-of = Quét vòng tay của { $patient }.
remedy-scan-band-then-drug = Quét vòng tay, rồi quét mã thuốc.
remedy-scan-current-band = Quét vòng tay mới nhất của { $patient }, hoặc in vòng mới.
remedy-scan-drug = Quét mã thuốc.
remedy-scan-each-unit = Quét từng đơn vị thuốc.
remedy-scan-more = Quét thêm { $n } đơn vị.
remedy-scan-ordered-drug = Quét { $ordered }.
remedy-scan-other-bag = Quét túi khác.
remedy-scan-running-bag = Quét túi đang truyền.
remedy-see-record = Xem hồ sơ lúc { $at }.
remedy-set-clock = Kết nối xe tiêm để chỉnh đồng hồ.
remedy-set-pump = Đặt lại bơm truyền: { $ordered }.
remedy-set-rate = Đặt tốc độ truyền { $rate }.
remedy-sign-in = Người có chứng chỉ hành nghề phải đăng nhập.
remedy-state-emergency = { $missing ->
    [reason] Nếu là cấp cứu: chọn lý do cấp cứu. Nếu không: hỏi bác sĩ.
    [dose] Ghi liều sẽ dùng.
    [route] Ghi đường dùng cho phép khi cấp cứu.
    [over] Giảm liều xuống mức tối đa cho phép khi cấp cứu.
   *[units] Ghi liều bằng đơn vị so sánh được với hàm lượng của thuốc.
 }
remedy-stop-other-bag = Ngừng túi { $bag } trước.
remedy-take-less = Chỉ dùng { $amount }.
remedy-take-other-pack = Lấy hộp khác.
remedy-tell-pharmacy = Báo khoa dược: { $barcode }.
remedy-tell-support = Không thực hiện. Báo bộ phận hỗ trợ.
remedy-use-own-supply = Dùng thuốc người bệnh tự mang, nếu có.
remedy-use-route = Dùng đường { $route }.
remedy-wait-for-lease = Chờ một lát rồi quét lại thuốc.
remedy-wait-for-total = Sớm nhất lúc { $at }.
remedy-watch-for = Theo dõi tương tác với { $other }.
remedy-test-skin = Làm test da { $drug }, đọc đúng giờ và ghi kết quả.
remedy-watch-allergy = Theo dõi sát, để sẵn hộp cấp cứu phản vệ.
remedy-watch-patient = Đã dùng được trước đây; theo dõi người bệnh.
remedy-weigh-patient = Cân người bệnh.

reason-emergency = Cấp cứu
reason-prescriber-confirmed = Bác sĩ đã xác nhận
reason-pharmacist-confirmed = Dược sĩ đã xác nhận
reason-off-ward = Người bệnh vắng (đi CLS, phẫu thuật)
reason-npo = Nhịn ăn uống
reason-procedure = Đang làm thủ thuật
reason-refused = Người bệnh từ chối
reason-vomited = Nôn
reason-unavailable = Hết thuốc / chưa lĩnh được thuốc
reason-band-missing = Không có vòng tay
reason-band-unreadable = Vòng tay không đọc được
reason-band-isolation = Cách ly, không tiếp cận được vòng tay
reason-label-unreadable = Nhãn thuốc không đọc được
reason-label-missing = Thuốc không có nhãn
reason-label-unknown = Nhãn thuốc không có trong danh mục
reason-scanner-fault = Lỗi máy quét
reason-network-down = Mất mạng
reason-battery = Hết pin
reason-clinical-judgement = Quyết định lâm sàng (ghi rõ)

route-PO = uống
route-IV = tiêm/truyền tĩnh mạch
route-IM = tiêm bắp
route-SC = tiêm dưới da
route-SL = ngậm dưới lưỡi
route-PR = đặt hậu môn
route-TOP = bôi ngoài da
route-TD = dán qua da
route-INH = hít, khí dung
route-NG = qua ống thông dạ dày
route-OPH = nhỏ mắt
route-OT = nhỏ tai
route-NAS = nhỏ mũi

status-completed = đã thực hiện
status-not-done = không thực hiện
status-in-progress = đang truyền
status-on-hold = tạm ngừng
status-stopped = đã dừng
status-entered-in-error = ghi nhầm

action-give = Thực hiện
action-hold = Tạm ngừng
action-refuse = Người bệnh từ chối
action-not-given = Không thực hiện
action-start = Bắt đầu truyền
action-stop = Kết thúc truyền
action-remove = Gỡ
action-waste = Hủy thuốc
action-rate = Đổi tốc độ
action-assess = Ghi hiệu quả
action-undo = Đính chính (hủy lần ghi)

observation-heart-rate = mạch
observation-systolic = huyết áp tâm thu
observation-diastolic = huyết áp tâm trương
observation-respiratory-rate = nhịp thở
observation-spo2 = SpO2
observation-glucose = đường huyết
observation-potassium = kali máu
observation-temperature = nhiệt độ
observation-pain = điểm đau
observation-sedation = điểm an thần
observation-creatinine = creatinin
observation-inr = INR

# Nguồn của các dữ kiện.
fact-source = { $what }: { $origin }{ $ref ->
    [none] { "" }
   *[other] { " " }{ $ref }
 }{ $at ->
    [none] { "" }
   *[other] , { $at }
 }
origin-scan = quét mã
origin-keyed = nhập tay
origin-order = y lệnh
origin-schedule = lịch dùng thuốc
origin-product = danh mục thuốc
origin-patient = hồ sơ người bệnh
origin-observation = kết quả đo
origin-record = hồ sơ thực hiện thuốc
origin-bag = túi dịch
origin-pump = bơm truyền
origin-staff = danh sách nhân viên
origin-cart = xe tiêm
origin-intent = điều dưỡng nhập
origin-policy = quy định của bệnh viện
span-minutes = { $count } phút
span-hours = { $count } giờ
span-days = { $count } ngày
