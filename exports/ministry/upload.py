"""50-column upload sheet of the provincial systems: a row of field codes, then a row of Chinese names."""

from exports.ministry.common import MODEL, coded_cells
from exports.ministry.layouts import Layout

LAYOUT = Layout(
    key="upload50",
    title="就业信息上报（50 列）",
    model_label=MODEL,
    coded_header=True,
    source="省级就业系统的上报接口字段表（2015 年前后实际使用的系统代码）",
    sureness="code",
    note="毕业去向、单位和报到证各列在相应业务启用前为空；报到证自 2023 届起不再签发，始终为空。",
    cells=coded_cells(
        """
        ksh 考生号
        xm 姓名
        sfzh 身份证号
        xbdm 性别代码
        xb 性别
        mzdm 民族代码
        mz 民族
        zzmmdm 政治面貌代码
        zzmm 政治面貌
        yxdm 院校代码
        yx 院校名称
        szyx 所在院系
        szbj 所在班级
        xh 学号
        xldm 学历代码
        xl 学历
        zydm 专业代码
        zy 专业
        zyfx 专业方向
        pyfsdm 培养方式代码
        dxhwpdw 定向或委培单位
        pyfs 培养方式
        syszddm 生源所在地代码
        syszd 生源所在地
        xz 学制
        rxsj 入学时间
        bysj 毕业时间
        knslbdm 困难生类别代码
        knslb 困难生类别
        sfslbdm 师范生类别代码
        sfslb 师范生类别
        byqxdm 毕业去向代码
        byqx 毕业去向
        dwzzjgdm 单位组织机构代码
        dwmc 单位名称
        dwxzdm 单位性质代码
        dwxz 单位性质
        dwhydm 单位行业代码
        dwhy 单位行业
        dwszddm 单位所在地代码
        dwszd 单位所在地
        gzzwlbdm 工作职位类别代码
        gzzwlb 工作职位类别
        bdzqflbdm 报到证签发类别代码
        bdzqflb 报到证签发类别
        bdzqwdwmc 报到证签往单位名称
        qwdwszddm 签往单位所在地代码
        qwdwszd 签往单位所在地
        bdzbh 报到证编号
        bdqssj 报到起始时间
        """
    ),
)
