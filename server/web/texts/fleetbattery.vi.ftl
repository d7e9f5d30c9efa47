battery-title = Pin của các xe
battery-spread = Độ bền pin của cả đội xe
battery-carts = Số xe
battery-unknown = { $n } xe chưa báo độ bền pin.
battery-how = Giờ còn lại tính theo mức tiêu thụ thực tế của chính xe đó, đến khi pin còn 5 %. Cần ít nhất 2 giờ chạy pin; chưa đủ thì ghi là chưa biết.
battery-left = Còn dùng được
battery-load = Tiêu thụ
battery-per-hour = { $n } % mỗi giờ
battery-hours = { $n } giờ
battery-between = ({ $least }–{ $most })
battery-unsure = chưa chắc
battery-not-known = chưa biết
battery-cycles = Chu kỳ sạc
battery-temperature = Nhiệt độ pin
battery-replace = Nên thay vào
battery-replace-now = cần thay
battery-seen = Tính từ { $n } giờ chạy pin gần đây
help-fleet-battery-for = Pin của mọi xe: còn dùng được bao lâu, đã mòn đến đâu, khi nào nên thay.
help-fleet-battery-next =
    Xe sắp hết pin đứng đầu danh sách: cho sạc trước.
    Pin dưới 70 % độ bền: hẹn thay trong trang Bảo trì.
