"""Departments: the national code table of clinical departments (healthcode.md 6.4)."""

SYSTEM = "urn:yima:department"

DEPARTMENTS: dict[str, tuple[str, str]] = {
    "0100": ("预防保健科", "Preventive Care"),
    "0200": ("全科医疗科", "General Practice"),
    "0300": ("内科", "Internal Medicine"),
    "0400": ("外科", "Surgery"),
    "0500": ("妇产科", "Obstetrics and Gynaecology"),
    "0700": ("儿科", "Paediatrics"),
    "1000": ("眼科", "Ophthalmology"),
    "1100": ("耳鼻咽喉科", "Otorhinolaryngology"),
    "1200": ("口腔科", "Stomatology"),
    "1300": ("皮肤科", "Dermatology"),
    "1500": ("精神科", "Psychiatry"),
    "1600": ("传染科", "Infectious Diseases"),
    "1900": ("肿瘤科", "Oncology"),
    "2000": ("急诊医学科", "Emergency Medicine"),
    "2100": ("康复医学科", "Rehabilitation"),
    "3000": ("医学检验科", "Clinical Laboratory"),
    "3100": ("病理科", "Pathology"),
    "3200": ("医学影像科", "Medical Imaging"),
    "5000": ("中医科", "Traditional Chinese Medicine"),
}
