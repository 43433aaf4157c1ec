"""生源信息 upload sheet as a province asks for it, every cell as text."""

from exports.ministry.common import MODEL, cells
from exports.ministry.layouts import Layout

LAYOUT = Layout(
    key="origin",
    title="生源信息上报",
    model_label=MODEL,
    source="山东省 2016、2020 届生源信息上报要求",
    sureness="document",
    note="各省模板略有差别，上报前请与本省当年模板核对列名。",
    cells=cells(
        "毕业年度,学校名称,院校代码,学号,考生号,姓名,性别,民族,政治面貌,身份证号,出生日期,学历,专业,学制,入学年月,毕业年月,培养方式,委培单位名称,"
        "委培单位所在地,生源所在地,户口是否转入学校,户籍性质,入学前档案所在单位,档案是否转入学校,常住地址,婚姻状况,健康状况,职业资格,手机,邮箱,家庭电话,"
        "非师范生类别,院系,班级"
    ),
)
