# Sổ đào tạo và đánh giá năng lực
menu-competences = Đào tạo, năng lực
competence-told = Sổ này không khóa ai khỏi người bệnh: điều còn thiếu chỉ được nhắc.
competence-cart = Dùng xe thuốc
competence-high-alert = Thuốc nguy cơ cao
competence-pump = Bơm tiêm, máy truyền dịch
competence-blood-controlled = Máu và thuốc gây nghiện, hướng thần
competence-downtime = Quy trình khi mất mạng, mất điện
competence-fleet = Quản lý đội xe (xe mô phỏng)
competence-is-held = Đạt
competence-is-soon = Sắp hết hạn
competence-is-expired = Hết hạn
competence-is-missing = Chưa có
competence-passed = Đạt
competence-not-passed = Chưa đạt
competence-withdrawn = Ghi nhầm, rút lại
competence-corrected = (đã được sửa)
competence-show-all = Tất cả
competence-show-due = Thiếu hoặc hết hạn
competence-show-soon = Hết hạn trong 30 ngày
competence-all-wards = Mọi khoa
competence-nobody = Không có ai.
competence-export = Tải CSV
competence-at-cart = Khi đăng nhập tại xe
competence-at-cart-warn = Xe nhắc khi một năng lực còn thiếu hoặc hết hạn, nếu bệnh viện đã ghi sổ này. Không liều nào bị chặn.
competence-at-cart-off = Xe không nhắc gì.
competence-choose-warn = Nhắc
competence-choose-off = Không nhắc
competence-enter = Ghi một lần đánh giá
competence-what = Nội dung
competence-result = Kết quả
competence-held-on = Ngày
competence-valid = Có giá trị đến
competence-valid-help = Để trống: không thời hạn. Chỉ tính khi đạt.
competence-for-good = không thời hạn
competence-assessor = Người đánh giá
competence-assessor-help = Để trống: chính bạn.
competence-note = Ghi chú
competence-corrects = Sửa dòng
competence-corrects-none = không, đây là lần mới
competence-corrects-help = Dòng cũ vẫn được giữ, gạch ngang. Khi sửa phải ghi lý do ở ghi chú.
competence-not-own = Không ai ghi phần của chính mình: nhờ điều dưỡng trưởng khác hoặc quản trị viên.
competence-log = Các lần đã ghi
competence-none = Chưa có dòng nào.
competence-own = Đào tạo của tôi
competence-saved = Đã ghi.
competence-due = Thiếu đào tạo: { $n }
audited-competence-any = Sổ đào tạo
help-competences-for = Ai đã được đào tạo và đánh giá về điều gì, đến khi nào.
help-competences-next =
    Xem trước những gì hết hạn trong 30 ngày và những gì còn thiếu.
    Chạm vào tên để ghi một lần đánh giá.
    Không liều nào bị chặn vì sổ này.
help-competence-for = Các lần đào tạo và đánh giá của một người.
help-competence-next =
    Ghi nội dung, kết quả, ngày và thời hạn.
    Ghi nhầm thì chọn dòng cần sửa: dòng cũ vẫn còn.
help-competence-own-for = Bạn đã được đào tạo về điều gì, đến khi nào.
help-competence-own-next =
    Điều còn thiếu: hẹn với điều dưỡng trưởng.
    Dòng sai: nhờ điều dưỡng trưởng sửa.
