# Máy theo dõi nối với xe.
monitor-take = Lấy từ máy đo: { $value } { $unit }
monitor-check = Xem cảm biến có đang gắn trên đúng người bệnh này không.
monitor-monitor-away = Máy đo không trả lời
monitor-settling = Máy đo: chờ số ổn định…
monitor-no-value = Máy đo chưa có số
monitor-no-sensor = Máy đo: chưa cắm cảm biến
monitor-sensor-broken = Máy đo: cảm biến hỏng
monitor-sensor-off = Máy đo: cảm biến tuột khỏi ngón tay
monitor-searching = Máy đo: đang dò mạch
monitor-low-perfusion = Máy đo: tưới máu yếu, số không chắc
monitor-interference = Máy đo: bị nhiễu
monitor-too-much-light = Máy đo: ánh sáng quá mạnh, hãy che cảm biến
monitor-sensor-unknown = Máy đo: không nhận ra cảm biến
monitor-weak-signal = Máy đo: tín hiệu yếu, số không chắc
monitor-unknown-exception = Máy đo báo lỗi: hãy tự đếm và nhập
