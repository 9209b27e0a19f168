"""Measurements: LOINC code, names, UCUM unit, digits kept, reference range of an adult."""

from dataclasses import dataclass
from typing import Literal

SYSTEM = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"

Category = Literal["laboratory", "vital-signs", "exam", "survey", "social-history", "imaging"]


@dataclass(frozen=True, slots=True)
class Test:
    """One measurable thing. ``low``/``high`` are the printed range, in ``unit``."""

    loinc: str
    chinese: str
    english: str
    unit: str = ""
    digits: int = 1
    low: float | None = None
    high: float | None = None
    category: Category = "laboratory"


def _vital(loinc: str, chinese: str, english: str, unit: str, digits: int = 0) -> Test:
    return Test(loinc, chinese, english, unit, digits, None, None, "vital-signs")


VITALS: dict[str, Test] = {
    "systolic": Test("8480-6", "收缩压", "Systolic blood pressure", "mm[Hg]", 0, 90, 139, "vital-signs"),
    "diastolic": Test("8462-4", "舒张压", "Diastolic blood pressure", "mm[Hg]", 0, 60, 89, "vital-signs"),
    "heart_rate": _vital("8867-4", "心率", "Heart rate", "/min"),
    "temperature": _vital("8310-5", "体温", "Body temperature", "Cel", 1),
    "respiration": _vital("9279-1", "呼吸频率", "Respiratory rate", "/min"),
    "spo2": _vital("2708-6", "血氧饱和度", "Oxygen saturation in Arterial blood", "%"),
    "weight": _vital("29463-7", "体重", "Body weight", "kg", 1),
    "height": _vital("8302-2", "身高", "Body height", "cm", 1),
    "bmi": _vital("39156-5", "体质指数", "Body mass index (BMI) [Ratio]", "kg/m2", 1),
    "head": _vital("9843-4", "头围", "Head Occipital-frontal circumference", "cm", 1),
    "waist": _vital("8280-0", "腰围", "Waist Circumference at umbilicus by Tape measure", "cm", 0),
    "birth_weight": _vital("8339-4", "出生体重", "Birth weight Measured", "g"),
}

LABORATORY: dict[str, Test] = {
    "glucose": Test("14771-0", "空腹血糖", "Fasting glucose [Moles/volume] in Serum or Plasma", "mmol/L", 1, 3.9, 6.1),
    "glucose_2h": Test("14995-5", "OGTT 2小时血糖", "Glucose [Moles/volume] 2 hours post 75 g glucose PO",
                       "mmol/L", 1, None, 8.5),
    "hba1c": Test("4548-4", "糖化血红蛋白", "Hemoglobin A1c/Hemoglobin.total in Blood", "%", 1, 4.0, 6.0),
    "cholesterol": Test("14647-2", "总胆固醇", "Cholesterol [Moles/volume] in Serum or Plasma", "mmol/L", 2, None, 5.2),
    "triglyceride": Test("14927-8", "甘油三酯", "Triglyceride [Moles/volume] in Serum or Plasma",
                         "mmol/L", 2, None, 1.7),
    "hdl": Test("14646-4", "高密度脂蛋白胆固醇", "Cholesterol in HDL [Moles/volume] in Serum or Plasma",
                "mmol/L", 2, 1.0, None),
    "ldl": Test("22748-8", "低密度脂蛋白胆固醇", "Cholesterol in LDL [Moles/volume] in Serum or Plasma",
                "mmol/L", 2, None, 3.4),
    "creatinine": Test("14682-9", "肌酐", "Creatinine [Moles/volume] in Serum or Plasma", "umol/L", 0, 45, 104),
    "egfr": Test("62238-1", "估算肾小球滤过率", "GFR/1.73 sq M.predicted by CKD-EPI", "mL/min/{1.73_m2}", 0, 90, None),
    "urea": Test("22664-7", "尿素", "Urea [Moles/volume] in Serum or Plasma", "mmol/L", 1, 2.6, 8.8),
    "uric_acid": Test("14933-6", "尿酸", "Urate [Moles/volume] in Serum or Plasma", "umol/L", 0, 150, 420),
    "potassium": Test("2823-3", "钾", "Potassium [Moles/volume] in Serum or Plasma", "mmol/L", 1, 3.5, 5.3),
    "sodium": Test("2951-2", "钠", "Sodium [Moles/volume] in Serum or Plasma", "mmol/L", 0, 137, 147),
    "alt": Test("1742-6", "丙氨酸氨基转移酶", "Alanine aminotransferase [Enzymatic activity/volume]", "U/L", 0, 7, 50),
    "ast": Test("1920-8", "天冬氨酸氨基转移酶", "Aspartate aminotransferase [Enzymatic activity/volume]",
                "U/L", 0, 13, 40),
    "uacr": Test("9318-7", "尿白蛋白/肌酐比值", "Albumin/Creatinine [Mass Ratio] in Urine", "mg/g", 0, None, 30),
    "wbc": Test("6690-2", "白细胞计数", "Leukocytes [#/volume] in Blood by Automated count", "10*9/L", 1, 3.5, 9.5),
    "neutrophil": Test("770-8", "中性粒细胞百分比", "Neutrophils/100 leukocytes in Blood by Automated count",
                       "%", 1, 40, 75),
    "lymphocyte": Test("736-9", "淋巴细胞百分比", "Lymphocytes/100 leukocytes in Blood by Automated count",
                       "%", 1, 20, 50),
    "hemoglobin": Test("718-7", "血红蛋白", "Hemoglobin [Mass/volume] in Blood", "g/L", 0, 115, 175),
    "platelet": Test("777-3", "血小板计数", "Platelets [#/volume] in Blood by Automated count", "10*9/L", 0, 125, 350),
    "crp": Test("1988-5", "C反应蛋白", "C reactive protein [Mass/volume] in Serum or Plasma", "mg/L", 1, None, 8),
    "pct": Test("33959-8", "降钙素原", "Procalcitonin [Mass/volume] in Serum or Plasma", "ng/mL", 2, None, 0.05),
    "ph": Test("2744-1", "动脉血pH", "pH of Arterial blood", "[pH]", 2, 7.35, 7.45),
    "po2": Test("2703-7", "动脉血氧分压", "Oxygen [Partial pressure] in Arterial blood", "mm[Hg]", 0, 80, 100),
    "pco2": Test("2019-8", "动脉血二氧化碳分压", "Carbon dioxide [Partial pressure] in Arterial blood",
                 "mm[Hg]", 0, 35, 45),
    "fev1": Test("20150-9", "第一秒用力呼气容积", "FEV1", "L", 2),
    "fev1_fvc": Test("19926-5", "FEV1/FVC", "FEV1/FVC", "%", 0, 70, None),
    "tsh": Test("3016-3", "促甲状腺激素", "Thyrotropin [Units/volume] in Serum or Plasma", "m[IU]/L", 2, 0.27, 4.2),
    "bilirubin_tc": Test("58941-6", "经皮胆红素", "Bilirubin.total [Mass/volume] by Transcutaneous meter",
                         "mg/dL", 1, None, 12.9),
    "ca153": Test("6875-9", "糖类抗原15-3", "Cancer Ag 15-3 [Units/volume] in Serum or Plasma", "U/mL", 1, None, 25),
    "cea": Test("2039-6", "癌胚抗原", "Carcinoembryonic Ag [Mass/volume] in Serum or Plasma", "ng/mL", 1, None, 5),
    "cd4": Test("24467-3", "CD4+T淋巴细胞计数", "CD3+CD4+ cells [#/volume] in Blood", "/uL", 0, 500, 1600),
    "hiv_rna": Test("20447-9", "HIV-1病毒载量", "HIV 1 RNA [#/volume] (viral load) in Serum or Plasma by NAA",
                    "{copies}/mL", 0, None, 50),
    "rpr": Test("31147-2", "RPR滴度", "Reagin Ab [Titer] in Serum by RPR", "{titer}", 0),
    "prolactin": Test("2842-3", "泌乳素", "Prolactin [Mass/volume] in Serum or Plasma", "ng/mL", 1, 4.0, 25.0),
}  # fmt: skip

QUALITATIVE: dict[str, Test] = {
    "urine_protein": Test("20454-5", "尿蛋白", "Protein [Presence] in Urine by Test strip"),
    "hbsag": Test("5195-3", "乙肝表面抗原", "Hepatitis B virus surface Ag [Presence] in Serum"),
    "hiv_ab": Test("7918-6", "HIV抗体", "HIV 1+2 Ab [Presence] in Serum"),
    "tppa": Test("24312-1", "梅毒螺旋体抗体", "Treponema pallidum Ab [Presence] in Serum by Agglutination"),
    "flu_ag": Test("5862-8", "甲型流感病毒抗原", "Influenza virus A Ag [Presence] in Specimen"),
    "fit": Test("29771-3", "粪便隐血(免疫法)", "Hemoglobin.gastrointestinal.lower [Presence] in Stool by Immunoassay"),
    "hpv": Test("21440-3", "高危型HPV核酸", "HPV high-risk DNA [Presence] in Cervix by Probe"),
    "er": Test("85337-4", "雌激素受体(ER)", "Estrogen receptor Ag [Presence] in Breast cancer specimen"),
    "pr": Test("85339-0", "孕激素受体(PR)", "Progesterone receptor Ag [Presence] in Breast cancer specimen"),
    "her2": Test("85319-2", "HER2", "HER2 [Presence] in Breast cancer specimen by Immune stain"),
    "blood_group": Test("883-9", "ABO血型", "ABO group [Type] in Blood"),
    "rh": Test("10331-7", "Rh血型", "Rh [Type] in Blood"),
}

EXAMS: dict[str, Test] = {
    "fetal_heart": Test("55283-6", "胎心率", "Fetal Heart rate", "/min", 0, 110, 160, "exam"),
    "fundal_height": Test("11881-0", "宫高", "Uterus Fundal height Tape measure", "cm", 0, category="exam"),
    "gestation": Test("18185-9", "孕周", "Gestational age", "wk", 0, category="exam"),
    "apgar1": Test("9272-6", "Apgar评分(1分钟)", "1 minute Apgar Score", "{score}", 0, 8, 10, "survey"),
    "apgar5": Test("9274-2", "Apgar评分(5分钟)", "5 minute Apgar Score", "{score}", 0, 8, 10, "survey"),
    "phq9": Test("44261-6", "PHQ-9总分", "Patient Health Questionnaire 9 item (PHQ-9) total score",
                 "{score}", 0, 0, 4, "survey"),
    "gad7": Test("70274-6", "GAD-7总分", "Generalized anxiety disorder 7 item (GAD-7) total score",
                 "{score}", 0, 0, 4, "survey"),
    "mmse": Test("72106-8", "简易精神状态检查总分", "Total score [MMSE]", "{score}", 0, 24, 30, "survey"),
    "foot": Test("11397-7", "足部检查", "Physical findings of Foot Narrative", category="exam"),
    "smoking": Test("72166-2", "吸烟状况", "Tobacco smoking status", category="social-history"),
}  # fmt: skip

ALL: dict[str, Test] = VITALS | LABORATORY | QUALITATIVE | EXAMS

BLOOD_PRESSURE = Test("85354-9", "血压", "Blood pressure panel with all children optional", category="vital-signs")

REPORTS: dict[str, tuple[str, str, str, str]] = {
    "cbc": ("58410-2", "血常规", "CBC panel - Blood by Automated count", "LAB"),
    "biochemistry": ("24323-8", "生化检验", "Comprehensive metabolic 2000 panel - Serum or Plasma", "LAB"),
    "lipids": ("24331-1", "血脂四项", "Lipid 1996 panel - Serum or Plasma", "LAB"),
    "blood_gas": ("24336-0", "动脉血气分析", "Gas panel - Arterial blood", "LAB"),
    "ecg": ("11524-6", "心电图", "EKG study", "EC"),
    "chest_xray": ("36643-5", "胸部X线正侧位", "XR Chest 2 Views", "RAD"),
    "xray": ("18748-4", "X线检查", "Diagnostic imaging study", "RAD"),
    "ct": ("18748-4", "CT检查", "Diagnostic imaging study", "RAD"),
    "fundus": ("18748-4", "眼底照相", "Diagnostic imaging study", "OTH"),
    "fetal_us": ("11525-3", "产科超声", "US Pelvis Fetus for pregnancy", "RAD"),
    "breast_us": ("24601-7", "乳腺超声", "US Breast", "RAD"),
    "mammogram": ("24606-6", "乳腺钼靶", "MG Breast Screening", "RAD"),
    "abdomen_us": ("24558-9", "腹部超声", "US Abdomen", "RAD"),
    "cytology": ("47527-7", "宫颈液基细胞学", "Cytology report of Cervical or vaginal smear", "CP"),
    "pathology": ("22637-3", "病理诊断", "Pathology report final diagnosis Narrative", "SP"),
    "colonoscopy": ("18746-8", "结肠镜检查报告", "Colonoscopy study", "GE"),
    "spirometry": ("18759-1", "肺功能检查", "Spirometry study", "PF"),
    "immunology": ("18727-8", "血清学检验", "Serology studies (set)", "LAB"),
}
"""Report: LOINC code, names, HL7 table 0074 section."""
