"""Medicines: WHO ATC code, Chinese and English name, strength as on the box."""

from dataclasses import dataclass

SYSTEM = "http://www.whocc.no/atc"


@dataclass(frozen=True, slots=True)
class Medicine:
    """A medicine as a prescriber names it."""

    atc: str
    chinese: str
    english: str
    form: str

    @property
    def text(self) -> str:
        """Name and strength on one line."""
        return f"{self.chinese} {self.form}"


def _table(*rows: tuple[str, str, str, str, str]) -> dict[str, Medicine]:
    return {key: Medicine(*row) for key, *row in rows}


MEDICINES: dict[str, Medicine] = _table(
    ("amlodipine", "C08CA01", "苯磺酸氨氯地平片", "amlodipine", "5mg×28片"),
    ("nifedipine", "C08CA05", "硝苯地平控释片", "nifedipine", "30mg×7片"),
    ("valsartan", "C09CA03", "缬沙坦胶囊", "valsartan", "80mg×14粒"),
    ("irbesartan", "C09CA04", "厄贝沙坦片", "irbesartan", "150mg×14片"),
    ("enalapril", "C09AA02", "马来酸依那普利片", "enalapril", "10mg×16片"),
    ("indapamide", "C03BA11", "吲达帕胺缓释片", "indapamide", "1.5mg×30片"),
    ("hydrochlorothiazide", "C03AA03", "氢氯噻嗪片", "hydrochlorothiazide", "25mg×100片"),
    ("metoprolol", "C07AB02", "琥珀酸美托洛尔缓释片", "metoprolol", "47.5mg×7片"),
    ("metformin", "A10BA02", "盐酸二甲双胍片", "metformin", "0.5g×30片"),
    ("gliclazide", "A10BB09", "格列齐特缓释片", "gliclazide", "30mg×30片"),
    ("acarbose", "A10BF01", "阿卡波糖片", "acarbose", "50mg×30片"),
    ("dapagliflozin", "A10BK01", "达格列净片", "dapagliflozin", "10mg×14片"),
    ("glargine", "A10AE04", "甘精胰岛素注射液", "insulin glargine", "3ml:300单位"),
    ("insulin_aspart", "A10AB05", "门冬胰岛素注射液", "insulin aspart", "3ml:300单位"),
    ("atorvastatin", "C10AA05", "阿托伐他汀钙片", "atorvastatin", "20mg×7片"),
    ("rosuvastatin", "C10AA07", "瑞舒伐他汀钙片", "rosuvastatin", "10mg×7片"),
    ("aspirin", "B01AC06", "阿司匹林肠溶片", "acetylsalicylic acid", "100mg×30片"),
    ("clopidogrel", "B01AC04", "硫酸氢氯吡格雷片", "clopidogrel", "75mg×7片"),
    ("amoxicillin", "J01CA04", "阿莫西林胶囊", "amoxicillin", "0.25g×24粒"),
    ("amoxicillin_child", "J01CA04", "阿莫西林颗粒", "amoxicillin", "0.125g×12袋"),
    ("cefuroxime", "J01DC02", "头孢呋辛酯片", "cefuroxime", "0.25g×12片"),
    ("cefaclor_child", "J01DC04", "头孢克洛干混悬剂", "cefaclor", "0.125g×12袋"),
    ("cefazolin", "J01DB04", "注射用头孢唑林钠", "cefazolin", "1.0g"),
    ("ceftriaxone", "J01DD04", "注射用头孢曲松钠", "ceftriaxone", "1.0g"),
    ("azithromycin", "J01FA10", "阿奇霉素片", "azithromycin", "0.25g×6片"),
    ("levofloxacin", "J01MA12", "左氧氟沙星片", "levofloxacin", "0.5g×4片"),
    ("oseltamivir", "J05AH02", "磷酸奥司他韦胶囊", "oseltamivir", "75mg×10粒"),
    ("oseltamivir_child", "J05AH02", "磷酸奥司他韦颗粒", "oseltamivir", "15mg×10袋"),
    ("ibuprofen", "M01AE01", "布洛芬缓释胶囊", "ibuprofen", "0.3g×20粒"),
    ("ibuprofen_child", "M01AE01", "布洛芬混悬液", "ibuprofen", "100ml:2g"),
    ("paracetamol", "N02BE01", "对乙酰氨基酚片", "paracetamol", "0.5g×20片"),
    ("celecoxib", "M01AH01", "塞来昔布胶囊", "celecoxib", "0.2g×6粒"),
    ("ambroxol", "R05CB06", "盐酸氨溴索片", "ambroxol", "30mg×20片"),
    ("ambroxol_child", "R05CB06", "盐酸氨溴索口服溶液", "ambroxol", "100ml:0.6g"),
    ("loratadine", "R06AX13", "氯雷他定片", "loratadine", "10mg×6片"),
    ("cetirizine_child", "R06AE07", "盐酸西替利嗪滴剂", "cetirizine", "10mg/ml×20ml"),
    ("mometasone_nasal", "R01AD09", "糠酸莫米松鼻喷雾剂", "mometasone", "50μg×60喷"),
    ("omeprazole", "A02BC01", "奥美拉唑肠溶胶囊", "omeprazole", "20mg×14粒"),
    ("smectite", "A07BC05", "蒙脱石散", "diosmectite", "3g×10袋"),
    ("ors", "A07CA", "口服补液盐散(Ⅲ)", "oral rehydration salts", "5.125g×6袋"),
    ("salbutamol", "R03AC02", "硫酸沙丁胺醇吸入气雾剂", "salbutamol", "100μg×200揿"),
    ("tiotropium", "R03BB04", "噻托溴铵粉吸入剂", "tiotropium bromide", "18μg×10粒"),
    ("budesonide_formoterol", "R03AK07", "布地奈德福莫特罗粉吸入剂", "formoterol and budesonide", "160/4.5μg×60吸"),
    ("methylprednisolone", "H02AB04", "注射用甲泼尼龙琥珀酸钠", "methylprednisolone", "40mg"),
    ("dexamethasone", "H02AB02", "地塞米松磷酸钠注射液", "dexamethasone", "1ml:5mg"),
    ("prednisone", "H02AB07", "醋酸泼尼松片", "prednisone", "5mg×100片"),
    ("epinephrine", "C01CA24", "盐酸肾上腺素注射液", "epinephrine", "1ml:1mg"),
    ("folic_acid", "B03BB01", "叶酸片", "folic acid", "0.4mg×31片"),
    ("iron", "B03AA06", "琥珀酸亚铁片", "ferrous succinate", "0.1g×20片"),
    ("calcium_d", "A12AX", "碳酸钙D3片", "calcium carbonate and vitamin D3", "0.6g×60片"),
    ("vitamin_d_child", "A11CC05", "维生素D滴剂", "colecalciferol", "400单位×30粒"),
    ("vitamin_k1", "B02BA01", "维生素K1注射液", "phytomenadione", "1ml:10mg"),
    ("oxytocin", "H01BB02", "缩宫素注射液", "oxytocin", "1ml:10单位"),
    ("levofloxacin_eye", "S01AE05", "左氧氟沙星滴眼液", "levofloxacin", "5ml:24.4mg"),
    ("metronidazole", "P01AB01", "甲硝唑片", "metronidazole", "0.2g×21片"),
    ("olanzapine", "N05AH03", "奥氮平片", "olanzapine", "5mg×28片"),
    ("risperidone", "N05AX08", "利培酮片", "risperidone", "1mg×30片"),
    ("sertraline", "N06AB06", "盐酸舍曲林片", "sertraline", "50mg×14片"),
    ("escitalopram", "N06AB10", "草酸艾司西酞普兰片", "escitalopram", "10mg×14片"),
    ("zopiclone", "N05CF01", "佐匹克隆片", "zopiclone", "7.5mg×12片"),
    ("lamivudine", "J05AF05", "拉米夫定片", "lamivudine", "0.3g×30片"),
    ("tenofovir", "J05AF07", "富马酸替诺福韦二吡呋酯片", "tenofovir disoproxil", "0.3g×30片"),
    ("efavirenz", "J05AG03", "依非韦伦片", "efavirenz", "0.6g×30片"),
    ("dolutegravir", "J05AJ03", "多替拉韦钠片", "dolutegravir", "50mg×30片"),
    ("benzathine_penicillin", "J01CE08", "注射用苄星青霉素", "benzathine benzylpenicillin", "120万单位"),
    ("epirubicin", "L01DB03", "注射用盐酸表柔比星", "epirubicin", "10mg"),
    ("cyclophosphamide", "L01AA01", "注射用环磷酰胺", "cyclophosphamide", "0.2g"),
    ("docetaxel", "L01CD02", "多西他赛注射液", "docetaxel", "0.5ml:20mg"),
    ("capecitabine", "L01BC06", "卡培他滨片", "capecitabine", "0.5g×12片"),
    ("oxaliplatin", "L01XA03", "注射用奥沙利铂", "oxaliplatin", "50mg"),
    ("ondansetron", "A04AA01", "盐酸昂丹司琼注射液", "ondansetron", "4ml:8mg"),
    ("letrozole", "L02BG04", "来曲唑片", "letrozole", "2.5mg×10片"),
    ("tamoxifen", "L02BA01", "枸橼酸他莫昔芬片", "tamoxifen", "10mg×60片"),
)
