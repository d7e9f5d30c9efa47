# Những gì đến qua HL7 phiên bản 2, theo cách trang “Dữ liệu gửi đến” gọi tên.
incoming-kind-rde-o11 = Y lệnh thuốc (RDE^O11)
incoming-kind-rde-o01 = Y lệnh thuốc (RDE^O01)
incoming-kind-omp-o09 = Y lệnh thuốc (OMP^O09)
incoming-kind-orm-o01 = Y lệnh thuốc (ORM^O01)
incoming-kind-adt-a01 = Nhập viện (ADT^A01)
incoming-kind-adt-a02 = Chuyển khoa, chuyển giường (ADT^A02)
incoming-kind-adt-a03 = Ra viện (ADT^A03)
incoming-kind-adt-a08 = Cập nhật người bệnh (ADT^A08)
incoming-kind-adt-a11 = Hủy nhập viện (ADT^A11)
incoming-kind-adt-a13 = Hủy ra viện (ADT^A13)
incoming-kind-adt-a40 = Gộp hồ sơ (ADT^A40)
incoming-kind-oru-r01 = Kết quả (ORU^R01)
incoming-part-listener = cổng nhận
