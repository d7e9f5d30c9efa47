training-banner = ĐÀO TẠO – không phải người bệnh thật
training-name = Máy chủ đào tạo
audited-training-begun = Bắt đầu dùng cơ sở dữ liệu đào tạo
