"""Procedures, coded in ICD-9-CM volume 3 as Chinese hospitals do."""

SYSTEM = "http://hl7.org/fhir/sid/icd-9-cm"

ICD9: dict[str, tuple[str, str]] = {
    "79.02": ("桡骨骨折闭合复位术", "Closed reduction of fracture of radius and ulna"),
    "79.32": ("桡骨骨折切开复位内固定术", "Open reduction of fracture of radius with internal fixation"),
    "79.36": ("踝部骨折切开复位内固定术", "Open reduction of fracture of tibia and fibula with internal fixation"),
    "81.52": ("人工股骨头置换术", "Partial hip replacement"),
    "93.54": ("夹板外固定", "Application of splint"),
    "93.53": ("石膏外固定", "Application of other cast"),
    "86.59": ("皮肤清创缝合术", "Closure of skin and subcutaneous tissue"),
    "74.1": ("子宫下段剖宫产术", "Low cervical cesarean section"),
    "73.59": ("手法助产", "Other manually assisted delivery"),
    "85.11": ("乳腺穿刺活检", "Closed percutaneous needle biopsy of breast"),
    "85.43": ("乳腺癌改良根治术", "Unilateral extended simple mastectomy"),
    "45.23": ("结肠镜检查", "Colonoscopy"),
    "45.42": ("内镜下结肠息肉切除术", "Endoscopic polypectomy of large intestine"),
    "17.36": ("腹腔镜乙状结肠切除术", "Laparoscopic sigmoidectomy"),
    "99.25": ("化学治疗", "Injection or infusion of cancer chemotherapeutic substance"),
    "23.2": ("牙充填术", "Restoration of tooth by filling"),
    "23.09": ("牙拔除术", "Extraction of other tooth"),
    "23.70": ("根管治疗", "Root canal, not otherwise specified"),
    "96.54": ("洁牙", "Dental scaling, polishing, and debridement"),
    "93.96": ("氧疗", "Other oxygen enrichment"),
    "93.94": ("雾化吸入", "Respiratory medication administered by nebulizer"),
    "13.41": ("白内障超声乳化摘除术", "Phacoemulsification and aspiration of cataract"),
    "94.49": ("心理咨询", "Other counseling"),
}
