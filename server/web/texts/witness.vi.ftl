# Kiểm tra kép từ xe hoặc điện thoại khác.
audited-witness-asked = Đã xin người kiểm tra thứ hai ở máy khác
audited-witness-confirmed = Người thứ hai đã xác nhận ở máy khác
audited-witness-declined = Người thứ hai đã từ chối ở máy khác
audited-witness-refused = Câu trả lời kiểm tra kép không được chấp nhận
event-witness-declined = Người thứ hai ở máy khác đã từ chối
event-witness-afar-refused = Không chấp nhận xác nhận kiểm tra kép từ máy khác
event-witness-refused = Người đưa thẻ không được kiểm tra kép
discrepancy-unproven-witness = Máy chủ không có bằng chứng người chứng kiến đã ký ở máy khác
