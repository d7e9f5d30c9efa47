# Xuất dữ liệu theo định dạng mở.
audited-export-site = Xuất toàn bộ dữ liệu của bệnh viện
audited-export-patient = Xuất toàn bộ dữ liệu của một người bệnh
