theme = Giao diện
theme-device = Theo thiết bị
theme-light = Sáng
theme-dark = Tối
menu-more = Thêm
