"""WeChat Pay v3 (微信支付): signatures, notifications and the HTTP client."""
