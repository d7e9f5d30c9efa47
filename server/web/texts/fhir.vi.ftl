# Tên gọi trong nhật ký khi hệ thống khác đọc dữ liệu qua FHIR.
audited-view-fhir = Đọc hồ sơ qua FHIR
audited-view-fhir-export = Đã lấy tệp của đợt xuất dữ liệu
audited-fhir-token = Cấp mã truy cập cho phần mềm
audited-fhir-export = Yêu cầu xuất dữ liệu
audited-fhir-export-done = Đã xuất xong dữ liệu
audited-fhir-export-failed = Không xuất được dữ liệu
audited-fhir-export-cancel = Hủy đợt xuất dữ liệu
audited-fhir-export-gone = Đã xóa tệp của đợt xuất dữ liệu
audited-fhir-client-register = Đăng ký phần mềm
audited-fhir-client-revoke = Thu hồi quyền của phần mềm
